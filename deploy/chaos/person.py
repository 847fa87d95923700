"""Somebody at the market: a client of the gateway that writes down what it asked and what it was told."""

import random
import threading
import uuid
from typing import Any

import httpx

from deploy.chaos import history, market

PASSWORD = "every seat has a story"  # noqa: S105 - of people who do not exist
TRIES = 4
_SHARED = 0.2  # of the tickets that somebody reaches for
_TIMEOUT = httpx.Timeout(12.0, connect=5.0)
_UNDECIDED = ("still_running",)


class Stall:
    """What is on offer, as the sellers believe."""

    def __init__(self) -> None:
        self._tickets: list[str] = []
        self._lock = threading.Lock()

    def add(self, ticket_id: str) -> None:
        with self._lock:
            self._tickets.append(ticket_id)
            del self._tickets[:-40]

    def pick(self, chance: random.Random) -> str | None:
        """One of them, left on the stall now and then for somebody else to try as well."""
        with self._lock:
            if not self._tickets:
                return None
            place = chance.randrange(len(self._tickets))
            return self._tickets[place] if chance.random() < _SHARED else self._tickets.pop(place)


class Person:
    """Somebody with a client of the gateway, who repeats what was left open under the same key."""

    def __init__(self, name: str, *, up: market.Market, seed: int, log: history.History, stall: Stall) -> None:
        self.name, self.market, self.log, self.stall = name, up, log, stall
        self.chance = random.Random(f"{seed} {name}")
        self.email = f"{name}.{uuid.uuid4().hex[:10]}@chaos.example"
        self.id = ""
        self.http = httpx.Client(base_url=up.url, timeout=_TIMEOUT)
        self.stop = threading.Event()

    def live(self) -> None:
        """Sign up, then do one thing after the other until told to stop."""
        while not self.stop.is_set() and not self.id:
            self._arrive()
        while not self.stop.is_set():
            self.act()
            self.rest(0.1, 0.5)
        self.http.close()

    def act(self) -> None:
        raise NotImplementedError

    def rest(self, least: float, most: float) -> None:
        self.stop.wait(self.chance.uniform(least, most))

    def _arrive(self) -> None:
        body = {"email": self.email, "password": PASSWORD}
        done = self.ask("sign-up", "POST", "/api/users/signup", body, subject=self.email)
        if done.outcome != history.OK:
            # A sign-up whose answer was lost may have been done.
            done = self.ask("sign-in", "POST", "/api/users/signin", body, subject=self.email)
        if done.outcome == history.OK:
            self.id = done.answer["id"]
        else:
            self.rest(0.5, 1.0)

    def ask(
        self, what: str, method: str, path: str, body: Any = None, *, subject: str, key: str = ""
    ) -> history.Operation:
        """Ask once, and write it down."""
        operation = self.log.invoked(client=self.name, what=what, subject=subject, asked=body, key=key)
        headers = {"Idempotency-Key": key} if key else {}
        try:
            history.answered(operation, self.http.request(method, path, json=body, headers=headers))
        except httpx.TransportError as error:
            history.unanswered(operation, error)
        return operation

    def insist(self, what: str, path: str, body: Any, *, subject: str) -> history.Operation:
        """Ask again under the same key while it is open what became of it."""
        key = uuid.UUID(int=self.chance.getrandbits(128), version=4).hex
        for turn in range(TRIES):
            done = self.ask(what, "POST", path, body, subject=subject, key=key)
            running = done.status == 409 and any(code in done.said for code in _UNDECIDED)
            if running:
                done.outcome = history.UNKNOWN
            if done.outcome != history.UNKNOWN or self.stop.is_set():
                break
            self.rest(0.3, 1.0 + turn)
        return done

    def look(self, path: str) -> dict[str, Any]:
        """What is at `path`; nothing where it cannot be seen now."""
        seen = self.ask("read", "GET", path, subject=path)
        return seen.answer if seen.outcome == history.OK else {}
