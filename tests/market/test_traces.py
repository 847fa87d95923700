"""One purchase is one trace: over HTTP, outbox, bus and consumers, in all services."""

import secrets

import pytest

from shared.testing import waiting
from tests.market import people

BUYER = "the buyer"
PURCHASE = {
    "orders: POST /api/orders": BUYER,
    "orders: send order.created": "orders: POST /api/orders",
    "payments: process order.created": "orders: POST /api/orders",
    "tickets: process order.created": "orders: POST /api/orders",
    "tickets: send ticket.reserved": "tickets: process order.created",
    "orders: process ticket.reserved": "tickets: process order.created",
    "orders: send order.confirmed": "orders: process ticket.reserved",
    "tickets: process order.confirmed": "orders: process ticket.reserved",
    "payments: process order.confirmed": "orders: process ticket.reserved",
    "payments: POST /api/payments": BUYER,
    "payments: authorize sandbox": "payments: POST /api/payments",
    "payments: send payment.authorized": "payments: POST /api/payments",
    "orders: process payment.authorized": "payments: POST /api/payments",
    "orders: send order.completed": "orders: process payment.authorized",
    "tickets: process order.completed": "orders: process payment.authorized",
    "tickets: send ticket.sold": "tickets: process order.completed",
    "orders: process ticket.sold": "tickets: process order.completed",
    "payments: process order.completed": "orders: process payment.authorized",
    "payments: settle payment": "payments: process order.completed",
    "payments: capture sandbox": "payments: settle payment",
    "payments: send payment.captured": "payments: settle payment",
    "orders: process payment.captured": "payments: settle payment",
}
"""Each step, and the one above it."""


class Errand:
    """Something that somebody does under one trace, as a shop does that tells of its own spans."""

    def __init__(self):
        self.trace, self.step = secrets.token_hex(16), secrets.token_hex(8)
        self.headers = {"traceparent": f"00-{self.trace}-{self.step}-01"}


@pytest.fixture
def errand():
    return Errand()


@pytest.fixture
def buys(olivia, bruno, behind):
    """`buys(errand)`: Bruno orders and pays; the payment, once it is captured."""

    def buy(errand):
        ticket = olivia.offers()
        behind.orders_knows(ticket)
        order = bruno.orders(ticket, **errand.headers).json()
        behind.payments_awaits(order)
        payment = bruno.pays(order, **errand.headers).json()
        bruno.sees_order(order, "complete")
        return bruno.sees_payment(payment, "captured")

    return buy


def told(span):
    return f"{span.service}: {span.name}"


def told_by_all(collector, errand):
    """The spans of a purchase, once those of all its steps have come."""

    def complete():
        spans = collector.of(errand.trace)
        return spans if PURCHASE.keys() <= {told(span) for span in spans} else None

    return waiting.until(complete, seconds=people.SOON, what="all steps of the purchase to be told")


class TestPurchase:
    def test_is_one_tree(self, buys, errand, collector):
        buys(errand)

        spans = told_by_all(collector, errand)
        names = {span.id: told(span) for span in spans} | {errand.step: BUYER}
        assert [
            (told(span), names.get(span.parent)) for span in spans if PURCHASE[told(span)] != names.get(span.parent)
        ] == []
        assert len(spans) == len(PURCHASE)
        assert not any(span.failed for span in spans)

    def test_tells_no_secret_and_nobodys_address(self, bruno, buys, errand, collector):
        buys(errand)

        everything = repr(told_by_all(collector, errand) and collector.told)
        tokens = [bruno.http.cookies[name] for name in ("access_token", "refresh_token")]
        private = [bruno.email, "@example.com", people.PASSWORD, "tok_visa", *tokens]
        assert [text for text in private if text in everything] == []

    def test_goes_on_while_the_collector_is_away(self, buys, errand, collector):
        with collector.away():
            buys(errand)
            assert collector.of(errand.trace) == []

        later = Errand()
        buys(later)
        told_by_all(collector, later)
