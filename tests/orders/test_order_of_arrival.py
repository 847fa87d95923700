"""Whatever order the bus delivers in, and however often, an order ends where the contract says."""

import datetime as dt
import itertools

import pytest
from django.db import transaction

from orders_service.orders import models
from shared import clock
from shared.contracts import payments, tickets
from shared.testing import deliveries
from tests.contracts import samples
from tests.orders.factories import OrderFactory, TicketFactory

pytestmark = pytest.mark.django_db

OTHER = samples.SESSION


def ticket(kind, status, version, **changes):
    return samples.sample(kind, status=status, version=version, **changes)


def payment(kind, status, version, **changes):
    return samples.sample(kind, status=status, version=version, **changes)


RESERVED = ticket(tickets.TicketReserved, "reserved", 1)
SOLD = ticket(tickets.TicketSold, "sold", 2)
RELEASED = ticket(tickets.TicketReleased, "on_sale", 2, order_id=None)
REFUSED = samples.sample(tickets.ReservationRefused, reason="reserved")
AUTHORIZED = payment(payments.PaymentAuthorized, "authorized", 1)
CAPTURED = payment(payments.PaymentCaptured, "captured", 2)
FAILED = payment(payments.PaymentFailed, "failed", 2)
VOIDED = payment(payments.PaymentVoided, "voided", 2)
DECLINED = payment(payments.PaymentDeclined, "declined", 1)
LATER = payment(payments.PaymentAuthorized, "authorized", 1, id=OTHER)
CHEAP = payment(payments.PaymentAuthorized, "authorized", 1, id=OTHER, amount_minor=1)

HISTORIES = {
    "bought": [RESERVED, AUTHORIZED, SOLD, CAPTURED],
    "refused": [REFUSED, RELEASED, AUTHORIZED],
    "paid and lapsed": [RESERVED, AUTHORIZED, SOLD, FAILED],
    "lost and voided": [RESERVED, AUTHORIZED, VOIDED],
    "declined, then paid": [RESERVED, DECLINED, LATER],
    "paid twice": [RESERVED, AUTHORIZED, LATER],
    "at another price": [RESERVED, CHEAP, AUTHORIZED],
}


def expected(heard):
    """Contract §5 rule 3, orders hearing tickets and payments: (status, payment, payments refused)."""
    status, paid_by, newest, refused = "created", None, {}, []
    for event in heard:
        if event is REFUSED:
            status = "cancelled" if status == "created" else status
            continue
        if event.version <= newest.get(event.id, -1):
            continue
        newest[event.id] = event.version
        if event.status == "reserved" and status == "created":
            status = "awaiting_payment"
        elif event.status == "authorized" and status == "awaiting_payment" and event is not CHEAP:
            status, paid_by = "complete", event.id
        elif event.status == "authorized":
            refused.append(event.id)
        elif event.status in ("failed", "voided") and status == "complete" and event.id == paid_by:
            status = "refunded"
    return status, paid_by, refused


@pytest.mark.parametrize("again", ["recognised by the inbox", "under new ids"])
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_every_pair_and_triple_in_every_order_each_twice(history, again):
    for arrival in deliveries.orders_of_arrival(history, sizes=(2, 3)):
        with transaction.atomic():
            TicketFactory(id=samples.HAMLET, user_id=samples.OLIVIA)
            OrderFactory(id=samples.ORDER, user_id=samples.BRUNO, ticket_id=samples.HAMLET)
            envelopes = {id(event): deliveries.wrap(event) for event in history}
            deliveries.hear(*(envelopes[id(event)] if again.startswith("rec") else event for event in arrival))
            order = models.Order.objects.get()
            verdicts = [name for name, _ in deliveries.said() if name == "order.payment_refused"]
            status, paid_by, refused = expected(arrival)
            told = [getattr(event, "status", event.TYPE) for event in arrival]
            assert (order.status, order.payment_id, len(verdicts)) == (status, paid_by, len(refused)), told
            transaction.set_rollback(True)


@pytest.mark.parametrize("history", [[RESERVED, SOLD], [RESERVED, RELEASED]], ids=["sold", "released"])
def test_the_copy_of_a_ticket_is_the_newest_heard_in_any_order(history):
    for arrival in itertools.permutations([ticket(tickets.TicketCreated, "on_sale", 0, order_id=None), *history]):
        with transaction.atomic():
            deliveries.hear(*arrival)
            copy = models.Ticket.objects.get()
            assert (copy.status, copy.version) == (history[-1].status, 2)
            transaction.set_rollback(True)


def test_a_payment_authorized_after_the_window_is_refused():
    OrderFactory(
        id=samples.ORDER,
        ticket_id=samples.HAMLET,
        awaiting=True,
        created_at=clock.now() - dt.timedelta(minutes=16),
    )

    deliveries.hear(AUTHORIZED)

    assert models.Order.objects.get().status == "awaiting_payment"
    assert deliveries.said() == [("order.payment_refused", str(samples.ORDER))]


def test_a_payment_for_an_order_nobody_knows_is_refused():
    deliveries.hear(AUTHORIZED)

    assert deliveries.said() == [("order.payment_refused", str(samples.ORDER))]
