"""What mypy's Django plugin reads: the settings of all services in one process, which no process ever is."""

import os
from importlib import import_module

from shared.messaging import topology

SECRETS = ("SECRET_KEY", "BROKER_URL", "CELERY_BROKER_URL", "SIGNING_SECRET", "REFRESH_SECRET")
NOWHERE = {
    "EMAIL_URL": "dummymail://",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing",
    "PUBLIC_ORIGIN": "http://127.0.0.1:8000",
}

os.environ |= dict.fromkeys(SECRETS, "for the type checker") | NOWHERE | {"JWKS_URL": "http://127.0.0.1:9/"}

services = [import_module(f"{service}_service.config.settings") for service in topology.SERVICES]
for service in services:
    vars().update({name: value for name, value in vars(service).items() if name.isupper()})

AUTH_USER_MODEL = "identity.User"
INSTALLED_APPS = list(dict.fromkeys(app for service in services for app in service.INSTALLED_APPS))
