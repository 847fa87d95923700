"""The databases of all services, each for as long as it answers. Nothing is written."""

import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

_RECONNECT_SECONDS = 1.0
_OPTIONS = "-c default_transaction_read_only=on -c statement_timeout=10000"


class Databases:
    """One connection to each, made anew when it was lost; `away` tells whom there is none to, and why."""

    def __init__(self, dsns: Mapping[str, str]) -> None:
        self._dsns = dict(dsns)
        self._open: dict[str, psycopg.Connection[dict[str, Any]]] = {}
        self._lost_at: dict[str, float] = {}
        self.away: dict[str, str] = {}

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self._dsns)

    def ask(self, service: str, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows; none where the database is away."""
        if service in self.away and time.monotonic() < self._lost_at[service] + _RECONNECT_SECONDS:
            return []
        try:
            found = self._connection(service).execute(query.encode(), values).fetchall()
        except psycopg.Error as error:
            self._lose(service, str(error).partition("\n")[0])
            return []
        self.away.pop(service, None)
        return found

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()

    def _connection(self, service: str) -> psycopg.Connection[dict[str, Any]]:
        if service not in self._open:
            self._open[service] = psycopg.connect(
                self._dsns[service], autocommit=True, row_factory=dict_row, connect_timeout=2, options=_OPTIONS
            )
        return self._open[service]

    def _lose(self, service: str, why: str) -> None:
        self.away[service], self._lost_at[service] = why, time.monotonic()
        if connection := self._open.pop(service, None):
            connection.close()
