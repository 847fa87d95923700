"""Looks on: samples overdue orders all the time, and waits for quiet at the end."""

import contextlib
import threading
import time
from collections.abc import Callable

import psycopg

from deploy.chaos import market
from deploy.local import audit
from deploy.local.finding import Databases, Finding

_EVERY = 0.5
_OVERDUE = """SELECT id, extract(epoch FROM expires_at) AS ended FROM orders_order
              WHERE status IN ('created', 'awaiting_payment')
                AND expires_at < clock_timestamp() - make_interval(secs => %s)"""
_OPEN = {
    "orders": "SELECT count(*) AS number FROM orders_order WHERE status IN ('created', 'awaiting_payment')",
    "payments": """SELECT count(*) AS number FROM payments_payment WHERE status IN ('requested', 'unknown', 'authorized')""",
    "messaging": "SELECT count(*) AS number FROM messaging_outboxevent WHERE sent_at IS NULL",
}
_TRAFFIC = ("never heard", "never said", "unsent", "orders' copy of tickets", "payments' copy of orders")


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


def until_quiet(
    all_: Databases, *, seconds: float, expected: Callable[[Finding], bool], say: Callable[[str], None]
) -> tuple[float, float, set[Finding]]:
    """Wait until everything said is heard, and every order and payment has come to rest.

    `expected`: whether a finding is of the nemesis's own making.
    Seconds until the first, seconds until both, and what was still wrong after `seconds`.
    """
    began = time.monotonic()
    drained = 0.0
    while True:
        found = {one for one in audit.look(all_) if not expected(one)}
        passed = time.monotonic() - began
        if not drained and not any(one.check in _TRAFFIC or "copy" in one.check for one in found) and not _unsent(all_):
            drained = passed
            say(f"everything said is heard after {passed:.1f} s")
        if drained and not found and not _open(all_):
            return drained, passed, found
        if passed > seconds or (drained and not _open(all_) and passed > drained + 2 * audit.PATIENCE):
            return drained or passed, passed, found
        time.sleep(_EVERY)


def _unsent(all_: Databases) -> int:
    return sum(_number(all_, service, _OPEN["messaging"]) for service in all_)


def _open(all_: Databases) -> int:
    """Orders and payments that have something before them."""
    return _number(all_, "orders", _OPEN["orders"]) + _number(all_, "payments", _OPEN["payments"])


def _number(all_: Databases, service: str, query: str) -> int:
    (row,) = all_[service].execute(query.encode()).fetchall()
    return int(row["number"])
