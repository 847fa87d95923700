"""Looks on: samples overdue orders all the time, and waits for quiet at the end."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import httpx
import psycopg
from prometheus_client import parser

from deploy.chaos import market
from deploy.local import audit
from deploy.local.finding import Databases, Finding
from shared.messaging import topology

_EVERY = 0.5
_SAID = "SELECT event_id, extract(epoch FROM occurred_at) AS at FROM messaging_outboxevent"
_HEARD = "SELECT event_id, extract(epoch FROM received_at) AS at FROM messaging_inboxevent"
_ASKED = "messaging_replay_requests_total"
_OVERDUE = """SELECT id, extract(epoch FROM expires_at) AS ended FROM orders_order
              WHERE status IN ('created', 'awaiting_payment')
                AND expires_at < clock_timestamp() - make_interval(secs => %s)"""
_OPEN = {
    "orders": "SELECT count(*) AS number FROM orders_order WHERE status IN ('created', 'awaiting_payment')",
    "payments": """SELECT count(*) AS number FROM payments_payment
                   WHERE status IN ('requested', 'unknown', 'authorized')""",
}


class Overdue:
    """Every order that was seen past its window by more than 5 s, with when."""

    def __init__(self, up: market.Market) -> None:
        self._dsn = up.dsns()["orders"]
        self.seen: list[tuple[float, str, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="overdue")

    def __enter__(self) -> "Overdue":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            # A database that is down is one of the faults; what is overdue then is seen when it is back.
            with contextlib.suppress(psycopg.OperationalError), self._connected() as connection:
                while not self._stop.wait(_EVERY):
                    self._sample(connection)

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            self._dsn, autocommit=True, connect_timeout=3, options="-c statement_timeout=3s", tcp_user_timeout=3000
        )

    def _sample(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        now = time.time()
        for order, ended in connection.execute(_OVERDUE, [audit.OVERDUE_SECONDS]).fetchall():
            self.seen.append((now, str(order), float(str(ended))))


@dataclasses.dataclass(frozen=True)
class Hearing:
    """How it was with hearing since some moment."""

    after: float
    """Seconds from that moment until everything said by its end was heard."""
    longest: float
    """Seconds from word to ear, at worst, of what was said since then."""
    asked_again: int
    """How often a consumer asked to be told again what had not come by itself."""


class Ear:
    """Listens to a market: `open` it before something happens, ask it afterwards."""

    def __init__(self, up: market.Market) -> None:
        self._market = up

    def open(self) -> None:
        self._since, self._asked = time.time(), self._asked_again()

    def hear(self, *, within: float) -> Hearing:
        """Wait until everything said by now is heard."""
        with audit.opened(self._market.dsns()) as all_:
            until_heard(all_, seconds=within)
            after = time.time() - self._since
            longest = max(_delays(all_, self._since), default=0.0)
        return Hearing(after, longest, self._asked_again() - self._asked)

    def _asked_again(self) -> int:
        """By all processes that are up now: one that was killed has forgotten its count."""
        counted = 0
        for service in topology.SERVICES:
            answer = httpx.get(f"{self._market.row(f'{service}.messaging')['url']}/metrics", timeout=5)
            families = parser.text_string_to_metric_families(answer.text)
            counted += sum(int(one.value) for family in families for one in family.samples if one.name == _ASKED)
        return counted


def _delays(all_: Databases, since: float) -> Iterator[float]:
    """By the services' clocks."""
    said = {row["event_id"]: float(row["at"]) for database in all_.values() for row in database.execute(_SAID)}
    for consumer in topology.LISTENS:
        for row in all_[consumer].execute(_HEARD):
            if (at := said.get(row["event_id"], 0.0)) >= since:
                yield float(row["at"]) - at


def until_heard(all_: Databases, *, seconds: float) -> float:
    """Wait until all that is said by now is heard by all who listen. The seconds that took, about `seconds` at most."""
    began = time.monotonic()
    said = {service: _ids(all_, service, "messaging_outboxevent") for service in all_}
    while _is_missing(all_, said) and time.monotonic() < began + seconds:
        time.sleep(_EVERY / 5)
    return time.monotonic() - began


def until_quiet(all_: Databases, *, seconds: float, expected: Callable[[Finding], bool]) -> tuple[float, set[Finding]]:
    """Wait until nothing looks wrong, and every order and payment has come to rest.

    `expected`: whether a finding is of the nemesis's own making. The seconds that took, and what was still wrong after
    `seconds`.
    """
    began = time.monotonic()
    while True:
        found = {one for one in audit.look(all_) if not expected(one)}
        waiting = _open(all_)
        passed = time.monotonic() - began
        if passed > seconds or not (found or waiting):
            still = {Finding("at rest", "orders and payments", f"{waiting} are not")} if waiting else set()
            return passed, found | still
        time.sleep(_EVERY)


def _is_missing(all_: Databases, said: Mapping[str, set[object]]) -> bool:
    heard = {service: _ids(all_, service, "messaging_inboxevent") for service in all_}
    return any(said[producer] - heard[consumer] for consumer, heeded in topology.LISTENS.items() for producer in heeded)


def _ids(all_: Databases, service: str, table: str) -> set[object]:
    query = f"SELECT event_id FROM {table}"  # noqa: S608 - a name of ours
    return {row["event_id"] for row in all_[service].execute(query.encode())}


def _open(all_: Databases) -> int:
    """Orders and payments that have something before them."""
    return _number(all_, "orders", _OPEN["orders"]) + _number(all_, "payments", _OPEN["payments"])


def _number(all_: Databases, service: str, query: str) -> int:
    (row,) = all_[service].execute(query.encode()).fetchall()
    return int(row["number"])
