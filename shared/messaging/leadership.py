"""One active relay, one active reader of each queue: elected by an advisory lock of the service's database.

The lock lives and dies with a connection of its own, outside Django's pool. A leader that is killed loses it when its
socket closes, one whose host is gone when the server's keepalives find out. A leader that has lost its server's host
learns it as any other connection does (shared.settings.base, LINE).
"""

import threading
from typing import Any

import psycopg
from django.conf import settings

from shared import connections
from shared.messaging.health import Status

_SPARE_ASKS_EVERY_SECONDS = 0.5
_SERVER_OPTIONS = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c statement_timeout=30s"
)
_TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(purpose: str) -> Connection:
    """A connection to this service's database that no pool takes back. Raises psycopg.OperationalError."""
    return psycopg.connect(**connections.parameters(f"{settings.SERVICE} {purpose}", options=_SERVER_OPTIONS))


def seek(connection: Connection, name: str, *, stop: threading.Event, status: Status) -> bool:
    """Wait until this connection leads for `name`, or `stop` is set; True when it leads.

    A spare takes over within a second. Raises psycopg.OperationalError.
    """
    while not stop.is_set():
        if connection.execute(_TRY, (f"messaging {name}",)).fetchone() == (True,):
            return True
        status.says("spare")
        stop.wait(_SPARE_ASKS_EVERY_SECONDS)
    return False


def verify(connection: Connection) -> None:
    """Raise psycopg.OperationalError if the connection, and with it the lead, is lost."""
    connection.execute("SELECT 1")
