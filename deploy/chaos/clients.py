"""People who trade while the market is hurt: each a thread, each writing down what it asked and what it was told."""

import dataclasses
import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Any

from deploy.chaos import history, market, person

SELLERS, BUYERS = 4, 10
TOKENS = (
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_slow",
    "tok_timeout",
    "tok_captureLapses",
    "tok_unreachable",
    "tok_chargeDeclined",
)


class Seller(person.Person):
    """Offers, edits and withdraws."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._own: list[str] = []
        self._number = 0

    def act(self) -> None:
        chosen = self.chance.random()
        if chosen < 0.6 or not self._own:
            self._offer()
        elif chosen < 0.85:
            self._edit()
        elif chosen < 0.93:
            self._withdraw()
        else:
            self.look(f"/api/tickets/{self.chance.choice(self._own)}")
        self.rest(0.1, 0.8)

    def _offer(self) -> None:
        self._number += 1
        title = f"{self.name} {self.id[-12:]} no. {self._number}"
        body = {"title": title, "price": self.chance.randrange(500, 20000) / 100}
        done = self.insist("offer", "/api/tickets", body, subject=title)
        if done.outcome == history.OK:
            self._own = [*self._own[-20:], done.answer["id"]]
            self.stall.add(done.answer["id"])

    def _edit(self) -> None:
        ticket = self.chance.choice(self._own)
        changes = {"price": self.chance.randrange(500, 20000) / 100, "venue": f"hall {self.chance.randrange(100)}"}
        self.ask("edit", "PATCH", f"/api/tickets/{ticket}", changes, subject=ticket)

    def _withdraw(self) -> None:
        ticket = self._own.pop(self.chance.randrange(len(self._own)))
        self.ask("withdraw", "DELETE", f"/api/tickets/{ticket}", subject=ticket)


class Buyer(person.Person):
    """Orders, then pays at once, pays too late, cancels, or lets the order expire."""

    def act(self) -> None:
        ticket = self.stall.pick(self.chance)
        if ticket is None:
            return
        done = self.insist("order", "/api/orders", {"ticketId": ticket}, subject=ticket)
        if done.outcome == history.OK:
            self._go_on(done.answer)
        elif done.status == 404:
            self.stall.add(ticket)  # orders has not heard of it yet
            self.rest(0.3, 1.0)

    def _go_on(self, order: dict[str, Any]) -> None:
        chosen = self.chance.random()
        if chosen < 0.15:
            self._cancel(order)
        elif chosen < 0.25:
            return  # and let it expire
        elif chosen < 0.40:
            self._wait_until(_end_of(order) + self.chance.uniform(-0.5, 0.5))
            self._pay(order)
        elif self._sees(order, "awaiting_payment"):
            self._pay(order)
            self._sees(order, "complete")
            if chosen > 0.95:
                self._cancel(order)

    def _cancel(self, order: dict[str, Any]) -> None:
        done = self.ask("cancel", "DELETE", f"/api/orders/{order['id']}", subject=order["id"])
        if done.outcome == history.OK:
            self.stall.add(order["ticket"]["id"])

    def _pay(self, order: dict[str, Any]) -> None:
        body = {"orderId": order["id"], "token": self.chance.choice(TOKENS)}
        for _ in range(person.TRIES):
            done = self.insist("pay", "/api/payments", body, subject=order["id"])
            if not (done.status == 404 or "not confirmed yet" in done.said):
                return
            self.rest(0.3, 0.6)  # payments has not heard of it yet

    def _sees(self, order: dict[str, Any], status: str, *, seconds: float = 15.0) -> bool:
        """Whether the order became so before it became anything else that lasts."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stop.is_set():
            seen = self.look(f"/api/orders/{order['id']}").get("status", "created")
            if seen == status or seen not in ("created", "awaiting_payment"):
                return bool(seen == status)
            self.rest(0.3, 0.6)
        return False

    def _wait_until(self, moment: float) -> None:
        self.stop.wait(max(0.0, moment - time.time()))


class Suspect(Buyer):
    """Buys, and is banned and reinstated by auth's command now and then."""

    def act(self) -> None:
        super().act()
        if self.chance.random() < 0.4:
            self._command("ban")
            self.look("/api/orders")
            self.rest(0.5, 1.5)
            self._command("reinstate")
            body = {"email": self.email, "password": person.PASSWORD}
            self.ask("sign-in", "POST", "/api/users/signin", body, subject=self.email)
        self.rest(1.0, 3.0)

    def _command(self, verb: str) -> None:
        operation = self.log.invoked(client=self.name, what=verb, subject=self.email)
        done = self.market.manage("auth", verb, self.email)
        operation.ended = time.time()
        refused = done.returncode != 0 and "CommandError" in done.stderr
        operation.outcome = history.OK if done.returncode == 0 else history.FAIL if refused else history.UNKNOWN
        operation.said = done.stderr[-300:]


class Visitor(person.Person):
    """Signs in and out; remembers the tokens that must be refused from then on."""

    def act(self) -> None:
        body = {"email": self.email, "password": person.PASSWORD}
        self.ask("sign-in", "POST", "/api/users/signin", body, subject=self.email)
        self.look("/api/orders")
        token = self.http.cookies.get("access_token") or ""
        self.ask("sign-out", "POST", "/api/users/signout", subject=token)
        self.http.cookies.clear()
        self.rest(2.0, 5.0)


@dataclasses.dataclass
class Crowd:
    """Everybody, living at once."""

    people: list[person.Person]
    threads: list[threading.Thread]
    troubles: list[str] = dataclasses.field(default_factory=list)

    def disperse(self) -> None:
        """Have everybody finish what they are at, and go."""
        for one in self.people:
            one.stop.set()
        for thread in self.threads:
            thread.join()


def gather(up: market.Market, *, seed: int, log: history.History, trouble: Callable[[str], None]) -> Crowd:
    """Send everybody to the market. `trouble` is told what a client could not cope with."""
    stall = person.Stall()
    cast: list[tuple[type[person.Person], str]] = [(Seller, f"seller{n}") for n in range(SELLERS)] + [
        (Buyer, f"buyer{n}") for n in range(BUYERS)
    ]
    cast += [(Suspect, "suspect"), (Visitor, "visitor")]
    people = [role(name, up=up, seed=seed, log=log, stall=stall) for role, name in cast]

    def live(somebody: person.Person) -> None:
        try:
            somebody.live()
        except Exception as error:  # it would only be missing from the history
            trouble(f"{somebody.name}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=live, args=[one], name=one.name) for one in people]
    for thread in threads:
        thread.start()
    return Crowd(people, threads)


def _end_of(order: dict[str, Any]) -> float:
    return dt.datetime.fromisoformat(order["expiresAt"].replace("Z", "+00:00")).timestamp()
