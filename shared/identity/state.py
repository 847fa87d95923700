"""What the verifier consults: an in-process copy of the keys and of the revocations of the last token life.

A thread of each process reads it: at once when it hears a NOTIFY, and every 250 ms it asks whether the change counter
has moved. So a ban takes hold within a second and no request costs a query.
"""

import abc
import contextlib
import dataclasses
import datetime as dt
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from django.contrib.auth import get_user_model
from joserfc import jwk
from psycopg import sql

from shared import connections, errors
from shared.identity import copies, metrics, models, tokens

READ_EVERY = 0.25  # seconds
RELOAD_EVERY = 60.0  # seconds; drops what has expired
STALE_AFTER = 5.0  # seconds
FIRST_READ = 2.0  # seconds that the first request after a start waits at most

logger = logging.getLogger(__name__)


class StateUnreadable(errors.Unavailable):
    code = "identity_unavailable"
    detail = "Who you are cannot be checked at the moment."


class NoKeys(errors.Unavailable):
    code = "identity_unavailable"
    detail = "This service has not received the keys to check credentials yet."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The state at one moment. `invalidated` says of a user whether he is active and since when tokens count."""

    keys: Mapping[str, jwk.ECKey]
    revoked: frozenset[uuid.UUID]
    invalidated: Mapping[uuid.UUID, tuple[bool, dt.datetime]]

    def refuses(self, identity: tokens.Identity) -> bool:
        """Whether a token that was proved genuine is refused: session over, user banned, or issued too early."""
        if identity.session_id in self.revoked:
            return True
        active, valid_after = self.invalidated.get(identity.user_id, (True, models.ALWAYS))
        return not active or identity.issued_at <= valid_after


class Source(abc.ABC):
    """Where the verifier takes its snapshot from."""

    @abc.abstractmethod
    def current(self) -> Snapshot:
        """The state of now. Raises StateUnreadable."""


class DatabaseSource(Source):
    """Reads the service's own database from a thread that the first request starts."""

    def __init__(self, alias: str = "default") -> None:
        self._alias = alias
        self._snapshot: Snapshot | None = None
        self._counter = -1
        self._read_at = self._loaded_at = float("-inf")
        self._first = threading.Event()
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._started_at = 0.0

    def current(self) -> Snapshot:
        if self._thread is None:
            self._start()
        if self._snapshot is None:
            self._first.wait(max(0.0, self._started_at + FIRST_READ - time.monotonic()))
        if self._snapshot is None or time.monotonic() - self._read_at > STALE_AFTER:
            raise StateUnreadable
        return self._snapshot

    def close(self) -> None:
        """End the thread and its connection."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._started_at = time.monotonic()
                self._thread = threading.Thread(target=self._run, name="identity-state", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(**self._address()) as connection:
                    self._follow(connection)
            except psycopg.Error as error:
                logger.warning("identity state is unreadable: %s", error)
                self._stop.wait(READ_EVERY)

    def _address(self) -> dict[str, Any]:
        return {**connections.parameters("identity-state", alias=self._alias), "tcp_user_timeout": 5000}

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {copies.CHANNEL}")
        while not self._stop.is_set():
            self._read(connection)
            for _ in connection.notifies(timeout=READ_EVERY, stop_after=1):
                break

    def _read(self, connection: psycopg.Connection[Any]) -> None:
        # The counter first: what changes after it has been read is seen by the next look at it.
        row = connection.execute("SELECT counter FROM identity_change").fetchone()
        counter = row[0] if row else 0
        now = time.monotonic()
        if counter != self._counter or now - self._loaded_at > RELOAD_EVERY:
            self._snapshot = load(connection)
            self._counter, self._loaded_at = counter, now
        self._read_at = now
        metrics.state_read.set_to_current_time()
        self._first.set()


def load(connection: psycopg.Connection[Any]) -> Snapshot:
    """Read a snapshot: the keys, and the revocations that a living token can still run into."""
    keys = connection.execute("SELECT kid, jwk::text FROM identity_publickey WHERE NOT retired AND jwk IS NOT NULL")
    revoked = connection.execute(
        "SELECT id FROM identity_revokedsession WHERE expires_at > now() - interval '1 minute'"
    )
    # Twice the leeway: the clocks of two databases differ.
    remembered = tokens.life() + 2 * tokens.LEEWAY
    users = connection.execute(
        sql.SQL("SELECT id, active, tokens_valid_after FROM {} WHERE tokens_valid_after > now() - %s").format(
            sql.Identifier(get_user_model()._meta.db_table)  # auth has a table of its own
        ),
        [remembered],
    )
    return Snapshot(
        keys={kid: jwk.ECKey.import_key(json.loads(key)) for kid, key in keys},
        revoked=frozenset(id for (id,) in revoked),
        invalidated={id: (active, valid_after) for id, active, valid_after in users},
    )


def current() -> Snapshot:
    """The state of now, with at least one key. Raises StateUnreadable, NoKeys."""
    snapshot = _source.current()
    if not snapshot.keys:
        raise NoKeys
    return snapshot


@contextlib.contextmanager
def reading_from(source: Source) -> Iterator[None]:
    """Let the verifier consult `source` for the length of the block."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


def _after_fork() -> None:
    # Threads do not survive a fork; the child starts one of its own at its first request.
    global _source
    if isinstance(_source, DatabaseSource):
        _source = DatabaseSource(_source._alias)


_source: Source = DatabaseSource()
os.register_at_fork(after_in_child=_after_fork)
