"""What a restore takes back: acknowledged writes that a dump does not know, but the old database or a listener does."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import sql

from deploy.local import dumps
from deploy.local.refusals import Refusal
from shared.contracts import registry
from shared.messaging import topology


@dataclasses.dataclass(frozen=True)
class Aggregate:
    """What a service owns and tells of: its noun in the events, and where id, version and status stand."""

    noun: str
    table: str
    status: str = "status"


_STATUS_OF_USER = "CASE WHEN email IS NULL THEN 'closed' WHEN active THEN 'active' ELSE 'inactive' END"

AGGREGATES = {
    "auth": Aggregate("user", "users_user", _STATUS_OF_USER),
    "tickets": Aggregate("ticket", "tickets_ticket"),
    "orders": Aggregate("order", "orders_order"),
    "payments": Aggregate("payment", "payments_payment"),
}


@dataclasses.dataclass(frozen=True)
class State:
    version: int
    status: str

    def __str__(self) -> str:
        return f"{self.status} (version {self.version})"


@dataclasses.dataclass(frozen=True)
class Memory:
    """The newest that anybody knows of an aggregate, and who does."""

    epoch: int
    state: State
    known_to: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Rewound:
    """One aggregate whose last acknowledged state is gone; `now` is None where it does not exist any more."""

    noun: str
    id: str
    was: State
    now: State | None
    known_to: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.noun} {self.id}: was {self.was}, is {self.now or 'unknown'}; known to {', '.join(self.known_to)}"


def noun(service: str) -> str:
    """What the events call the aggregate of the service."""
    return AGGREGATES[service].noun if service in AGGREGATES else service


def states(connection: psycopg.Connection[Any], service: str) -> dict[str, State]:
    """Every aggregate in the service's own database; none of a service that has nothing to tell."""
    own = AGGREGATES.get(service)
    if own is None:
        return {}
    query = sql.SQL("SELECT id::text, version, {} FROM {}").format(sql.SQL(own.status), sql.Identifier(own.table))
    return {key: State(version, status) for key, version, status in connection.execute(query)}


def heard(connection: psycopg.Connection[Any], service: str) -> Iterator[tuple[str, int, State]]:
    """What another service has heard of them last: id, epoch, state."""
    query = "SELECT aggregate_id, epoch, version, status FROM messaging_heard WHERE aggregate = %s"
    for key, epoch, version, status in connection.execute(query, [noun(service)]):
        yield key, epoch, State(version, status)


def epochs(connection: psycopg.Connection[Any], service: str) -> int:
    """The newest epoch of the service's log that the owner of this database has heard of; 0 for none."""
    query = """SELECT greatest((SELECT max(epoch) FROM messaging_progress WHERE source = %s),
                               (SELECT max(epoch) FROM messaging_heard WHERE aggregate = %s))"""
    values = [registry.source_of(service), noun(service)]
    ((newest,),) = connection.execute(query, values)
    return int(newest or 0)


def listeners(service: str) -> tuple[str, ...]:
    """Who keeps copies of what the service owns."""
    return tuple(name for name, heeded in topology.LISTENS.items() if service in heeded)


class Memories:
    """What is known of the aggregates of one service, by whoever knows the newest."""

    def __init__(self, *, since: int) -> None:
        """What was heard in an epoch before `since` was lost in an earlier restore already."""
        self._since = since
        self._newest: dict[str, Memory] = {}

    def add(self, key: str, *, epoch: int, state: State, known_to: str) -> None:
        if epoch < self._since:
            return
        known = self._newest.get(key)
        if known is None or (epoch, state.version) > (known.epoch, known.state.version):
            self._newest[key] = Memory(epoch, state, (known_to,))
        elif (epoch, state.version) == (known.epoch, known.state.version):
            self._newest[key] = dataclasses.replace(known, known_to=(*known.known_to, known_to))

    def missing_from(self, found: Mapping[str, State], *, noun: str) -> list[Rewound]:
        """Those whose newest state is not in `found`, nor a later one."""
        return [
            Rewound(noun, key, memory.state, found.get(key), memory.known_to)
            for key, memory in sorted(self._newest.items())
            if self._is_rewound(memory, found.get(key))
        ]

    def _is_rewound(self, memory: Memory, found: State | None) -> bool:
        if found is None or memory.state.version > found.version:
            return True
        # The same version told otherwise; and versions of different epochs do not compare.
        same_line = memory.epoch == self._since
        return memory.state != found and (memory.state.version == found.version or not same_line)


@dataclasses.dataclass(frozen=True)
class Known:
    """What the old database and the listeners know."""

    memories: Memories
    newest_epoch: int
    rows: Mapping[str, int]
    """Of the old database, by table; empty where it cannot be read."""
    silent: tuple[str, ...]
    """Who could not be asked."""


def ask(service: str, *, dsns: Mapping[str, str], since: int) -> Known:
    """Ask the service's own database and those of its listeners; `dsns` by service, `since` as in Memories.

    A listener that is not in `dsns` has never been started, so it has heard nothing.

    Raises Refusal where nobody can tell which epoch of the log would be new.
    """
    memories, silent = Memories(since=since), list[str]()
    newest, rows = 0, dict[str, int]()
    for name in (service, *(name for name in listeners(service) if name in dsns)):
        try:
            with psycopg.connect(dsns[name], connect_timeout=3) as connection:
                if name == service:
                    rows = dumps.rows(connection)
                remember = _remember_own if name == service else _remember_heard
                newest = max(newest, remember(connection, service, memories, name))
        except psycopg.Error:
            silent.append(name)
    # The old database has seen every epoch of its own log; without it, only all listeners together have.
    if service in silent and len(silent) > 1:
        raise Refusal(
            "Nobody can tell which epoch would be new.",
            why=f"the databases of {', '.join(silent)} cannot be read.",
            do="start what is down and restore again: ./manage_all.py status",
        )
    return Known(memories, newest, rows, tuple(silent))


def _remember_own(connection: psycopg.Connection[Any], service: str, memories: Memories, name: str) -> int:
    """Add what the old database knows; the epoch of its log."""
    ((epoch,),) = connection.execute("SELECT coalesce(max(epoch), 0) FROM messaging_log")
    for key, state in states(connection, service).items():
        memories.add(key, epoch=epoch, state=state, known_to=f"the old {name}")
    return int(epoch)


def _remember_heard(connection: psycopg.Connection[Any], service: str, memories: Memories, name: str) -> int:
    """Add what a listener has heard; the newest epoch of it."""
    for key, epoch, state in heard(connection, service):
        memories.add(key, epoch=epoch, state=state, known_to=name)
    return epochs(connection, service)
