"""`manage.py migrate` for a database that is in use: whoever is served meanwhile notices nothing.

A change of a table waits for all who use it, and everybody who comes later waits behind it. So it waits half a second,
gives way, and comes back. That is also less than PostgreSQL's `deadlock_timeout`: of a migration and a request that
wait for each other, the migration gives way.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

_LONGEST_PAUSE = 5  # seconds


class Command(migrate.Command):
    _lock_timeout: float
    _tries: int
    _migration: Migration | None = None
    """The one that is being applied."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--lock-timeout", type=float, default=0.5, help="seconds to wait for a lock (0.5)")
        parser.add_argument("--tries", type=int, default=30, help="how often to come back for it (30)")

    def handle(self, *args: Any, lock_timeout: float, tries: int, **options: Any) -> None:
        """Raises CommandError where a lock was not to be had, with what was applied until then left applied."""
        connection = connections[options["database"]]
        self._lock_timeout, self._tries = lock_timeout, tries
        handle = super().handle
        with self._limits(connection), connection.execute_wrapper(self._execute):
            self._patiently(lambda: handle(*args, **options), may_repeat=self._is_whole)

    def migration_progress_callback(self, action: str, migration: Migration | None = None, fake: bool = False) -> None:
        super().migration_progress_callback(action, migration, fake)
        self._migration = migration if action.endswith("_start") else None

    def _is_whole(self) -> bool:
        """Whether nothing is left behind of the migration that has just failed."""
        return self._migration is None or self._migration.atomic

    def _execute(
        self, execute: Callable[..., Any], query: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """A statement of a migration that is no transaction is repeated alone: those before it are done."""
        if context["connection"].in_atomic_block:
            return execute(query, params, many, context)
        if " CONCURRENTLY " in str(query):
            # Nobody waits behind it, and given up it would leave an invalid index behind.
            with self._patience_without_end(context["connection"]):
                return execute(query, params, many, context)
        return self._patiently(lambda: execute(query, params, many, context), may_repeat=lambda: True)

    def _patiently(self, act: Callable[[], Any], *, may_repeat: Callable[[], bool]) -> Any:
        problem: OperationalError | None = None
        for turn in range(1, self._tries + 1):
            try:
                return act()
            except OperationalError as error:
                if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable) or not may_repeat():
                    raise
                problem = error
            if turn < self._tries:
                pause = min(turn, _LONGEST_PAUSE)
                self.stderr.write(f"A lock is not to be had: gave way, comes back in {pause} s.")
                time.sleep(pause)
        raise CommandError(f"A lock was not to be had in {self._tries} tries: something holds a table.") from problem

    @contextlib.contextmanager
    def _limits(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        """It may wait for a lock so long, and work for as long as it takes: an index of a large table does."""
        _say(connection, f"SET lock_timeout = {self._lock_timeout * 1000:.0f}")
        _say(connection, "SET statement_timeout = 0")
        try:
            yield
        finally:
            _say(connection, "RESET lock_timeout")
            _say(connection, "RESET statement_timeout")

    @contextlib.contextmanager
    def _patience_without_end(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        _say(connection, "SET lock_timeout = 0")
        try:
            yield
        finally:
            _say(connection, f"SET lock_timeout = {self._lock_timeout * 1000:.0f}")


def _say(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
