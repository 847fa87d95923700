"""A connection to the service's database beside the pool: for a lock, or a LISTEN, that lasts as long as it does."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

_DJANGOS_OWN = ("context", "cursor_factory")


def parameters(purpose: str, *, alias: str = DEFAULT_DB_ALIAS, options: str = "") -> dict[str, Any]:
    """What psycopg.connect is given: all that DATABASE_URL and the settings ask for, in a session called `purpose`.

    `options` are the server's, as -c NAME=VALUE, and come last. The connection commits each statement.
    """
    asked = connections[alias].get_connection_params()
    ours = {name: value for name, value in asked.items() if name not in _DJANGOS_OWN}
    options = f"{asked.get('options', '')} {options}".strip()
    return {**ours, "application_name": purpose, "autocommit": True, "options": options}
