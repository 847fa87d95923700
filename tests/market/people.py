"""People who use the market through the gateway, each with a cookie jar and an e-mail address of their own."""

import itertools
import uuid

from shared.testing import waiting

PASSWORD = "every seat has a story"
HAMLET = {"title": "Hamlet, row F", "price": 12.5, "venue": "The Globe"}
SOON = 20.0
"""Seconds after which what should have become so never will; it mostly takes a few hundredths of one."""
_numbers = itertools.count(1)


class Person:
    def __init__(self, market, name, **options):
        self.http = market.client(**options)
        self.email = f"{name}.{next(_numbers)}.{uuid.uuid4().hex[:12]}@example.com"
        self.id = ""

    def signs_up(self):
        answer = self.http.post("/api/users/signup", json={"email": self.email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["id"]
        return self

    def offers(self, **details):
        """A ticket on sale; orders may not have heard of it yet."""
        answer = self.http.post("/api/tickets", json={**HAMLET, **details})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def edits(self, ticket, **changes):
        return self.http.patch(path(ticket), json=changes)

    def orders(self, ticket, **headers):
        """The answer to an order for a ticket that orders has heard of by then."""
        return _patiently(lambda: self._orders(ticket, headers), what="the ticket to be known")

    def has_ordered(self, ticket):
        """An order that awaits payment."""
        answer = self.orders(ticket)
        assert answer.status_code == 201, answer.text
        return self.sees_order(answer.json(), "awaiting_payment")

    def has_at_last_ordered(self, ticket):
        """As `has_ordered`, of a ticket that somebody has just let go."""

        def placed():
            answer = self.orders(ticket)
            assert answer.status_code in (201, 409), answer.text
            return answer.json() if answer.status_code == 201 else None

        return self.sees_order(_patiently(placed, what="the ticket to be free"), "awaiting_payment")

    def cancels(self, order):
        return self.http.delete(f"/api/orders/{order['id']}")

    def pays(self, order, card="tok_visa", **headers):
        """The answer to a payment for an order that payments knows to await it."""
        body = {"orderId": order["id"], "token": card}
        return _patiently(lambda: self._pays(body, headers), what="the order to be payable")

    def has_paid(self, order, card="tok_visa"):
        answer = self.pays(order, card)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def has_bought(self, ticket):
        """A complete order."""
        order = self.has_ordered(ticket)
        self.has_paid(order)
        return self.sees_order(order, "complete")

    def sees_order(self, order, status):
        """The order, once it is `status`."""
        return self._sees(f"/api/orders/{order['id']}", status)

    def sees_payment(self, payment, status):
        return self._sees(f"/api/payments/{payment['id']}", status)

    def sees_ticket(self, ticket, status):
        return self._sees(path(ticket), status)

    def lists(self, where, **query):
        answer = self.http.get(f"/api/{where}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _orders(self, ticket, headers):
        answer = self.http.post("/api/orders", json={"ticketId": ticket["id"]}, headers=_named(headers))
        return None if answer.status_code == 404 else answer

    def _pays(self, body, headers):
        answer = self.http.post("/api/payments", json=body, headers=_named(headers))
        unheard = answer.status_code == 404 or "not confirmed yet" in answer.text
        return None if unheard else answer

    def _sees(self, where, status):
        def is_so():
            answer = self.http.get(where)
            seen.append(answer.text)
            return answer.json() if answer.status_code == 200 and answer.json()["status"] == status else None

        seen = []
        try:
            return waiting.until(is_so, seconds=SOON, what=f"{where} to be {status}")
        except AssertionError as error:
            raise AssertionError(f"{error}; seen last: {seen[-1]}") from None


def path(ticket):
    return f"/api/tickets/{ticket['id']}"


def _patiently(ask, *, what):
    """Not so often that the limit of writes a minute is the answer."""
    return waiting.until(ask, seconds=SOON, every=0.1, what=what)


def _named(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


def assert_refused(answer, status, code=None):
    """A problem document as contract §2 draws it. Returns its errors."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["errors"]
    assert all(error["message"] and error["code"] for error in problem["errors"])
    if code:
        assert code in [error["code"] for error in problem["errors"]], answer.text
    return problem["errors"]
