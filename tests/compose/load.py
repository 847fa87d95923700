"""People who trade at a steady rate, and what came of every one of their requests."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator

import httpx

from shared.testing import clients
from tests.market import people


@dataclasses.dataclass
class Tally:
    """What became of the requests."""

    asked: int = 0
    repeated: int = 0
    """Connections that broke before an answer came."""
    failures: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def rate(self) -> float:
        return self.asked / self.seconds


class Load:
    """`so_many` sellers who together make `rate` requests a second: one in twenty offers a ticket, the others read."""

    def __init__(self, newcomer, *, rate, so_many=10):
        self.tally = Tally()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pause = so_many / rate
        sellers = [newcomer(f"seller{number}", of=clients.RepeatingClient) for number in range(so_many)]
        self._work = [(seller, seller.offers()) for seller in sellers]

    @contextlib.contextmanager
    def on(self) -> Iterator[Tally]:
        """The load, as long as the block lasts; the tally is whole after it."""
        threads = [threading.Thread(target=self._trade, args=work, daemon=True) for work in self._work]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            yield self.tally
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(timeout=60)
            self.tally.seconds = time.monotonic() - began
            self.tally.repeated = sum(seller.http.repeated for seller, _ in self._work)

    def _trade(self, seller, ticket):
        due = time.monotonic()
        number = 0
        while not self._stop.is_set():
            method, path, wanted, body = self._next(number, ticket)
            self._ask(seller, wanted, method, path, **body)
            number += 1
            due += self._pause
            self._stop.wait(max(0.0, due - time.monotonic()))

    @staticmethod
    def _next(number, ticket):
        if number % 20 == 0:
            return "POST", "/api/tickets", 201, {"json": people.HAMLET}
        places = ("/api/orders", "/api/users/currentuser", "/api/payments", people.path(ticket))
        return "GET", places[number % len(places)], 200, {}

    def _ask(self, seller, wanted, method, path, **body):
        began = time.monotonic()
        try:
            answer = seller.http.request(method, path, **body)
            said = "" if answer.status_code == wanted else f"{answer.status_code} {answer.text[:200]}"
        except httpx.TransportError as error:
            said = repr(error)
        took = time.monotonic() - began
        with self._lock:
            self.tally.asked += 1
            self.tally.slowest = max(self.tally.slowest, took)
            if said:
                self.tally.failures.append(f"{method} {path}: {said}")
