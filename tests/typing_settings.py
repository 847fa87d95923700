"""What mypy's Django plugin reads: the settings of all services in one process, which no process ever is."""

import os

from shared.settings import base

SECRETS = ("SECRET_KEY", "BROKER_URL", "CELERY_BROKER_URL", "SIGNING_SECRET", "REFRESH_SECRET")
NOWHERE = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing", "PUBLIC_ORIGIN": "http://127.0.0.1:8000"}

os.environ |= dict.fromkeys(SECRETS, "for the type checker") | NOWHERE | {"JWKS_URL": "http://127.0.0.1:9/"}

from auth_service.config import settings as auth  # noqa: E402
from orders_service.config import settings as orders  # noqa: E402
from payments_service.config import settings as payments  # noqa: E402
from tickets_service.config import settings as tickets  # noqa: E402

for service in (auth, tickets, payments, orders):
    vars().update({name: value for name, value in vars(service).items() if name.isupper()})

AUTH_USER_MODEL = "identity.User"
INSTALLED_APPS = [
    *base.APPS,
    "auth_service.users",
    "tickets_service.tickets",
    "orders_service.orders",
    "payments_service.payments",
]
