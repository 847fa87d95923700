"""Makes a folder of tests the suite of one service: its settings, its environment, a scratch PostgreSQL.

The first lines of a suite's `conftest.py`:

    from shared.testing import suite

    suite.prepare("orders_service.config.settings", service="orders")
"""

import atexit
import contextlib
import os

import django

from shared.testing import postgres

_server = contextlib.ExitStack()
atexit.register(_server.close)


def prepare(settings_module: str, *, service: str, **environment: str) -> None:
    """Point this process at `settings_module` and at a scratch database called `service`, then load Django.

    The server is the one at TEST_POSTGRES_URL (a superuser's address without a database) where one is given, else a
    scratch one that ends with this process. `environment` is added to the process's environment.
    """
    if "TEST_POSTGRES_URL" not in os.environ:
        # The workers of pytest-xdist inherit the address, and so the server.
        os.environ["TEST_POSTGRES_URL"] = _server.enter_context(postgres.scratch())
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": settings_module,
        "DATABASE_URL": f"{os.environ['TEST_POSTGRES_URL'].rstrip('/')}/{service}",
        "DB_POOL_SIZE": "0",
        "SECRET_KEY": "a key for tests only",
        "BROKER_URL": "memory://",
        "PUBLIC_ORIGIN": "http://testserver",
        "JWKS_URL": "http://127.0.0.1:9/.well-known/jwks.json",
        "LOG_LEVEL": "WARNING",
    } | environment
    django.setup()
