"""Whatever order the bus delivers in, and however often, each copy is what the newest event has told."""

import pytest
from django.db import transaction

from encore_service.encores import models
from shared.contracts import orders, tickets
from shared.testing import deliveries
from tests.contracts import samples

pytestmark = pytest.mark.django_db


def ticket(kind, status, version, **changes):
    return samples.sample(kind, status=status, version=version, **changes)


def order(kind, status, version, **changes):
    return samples.sample(kind, status=status, version=version, **changes)


HISTORIES = {
    "sold": [
        ticket(tickets.TicketCreated, "on_sale", 0, order_id=None),
        ticket(tickets.TicketReserved, "reserved", 1),
        ticket(tickets.TicketSold, "sold", 2),
    ],
    "released and withdrawn": [
        ticket(tickets.TicketReserved, "reserved", 1),
        ticket(tickets.TicketReleased, "on_sale", 2, order_id=None),
        ticket(tickets.TicketWithdrawn, "withdrawn", 3, order_id=None),
    ],
    "complete": [
        order(orders.OrderCreated, "created", 0),
        order(orders.OrderConfirmed, "awaiting_payment", 1),
        order(orders.OrderCompleted, "complete", 2, payment_id=samples.PAYMENT),
    ],
    "expired": [
        order(orders.OrderConfirmed, "awaiting_payment", 1),
        order(orders.OrderExpired, "expired", 2),
        order(orders.OrderSnapshot, "expired", 2),
    ],
    "refunded": [
        order(orders.OrderSnapshot, "awaiting_payment", 1),
        order(orders.OrderCompleted, "complete", 2, payment_id=samples.PAYMENT),
        order(orders.OrderRefunded, "refunded", 3, payment_id=samples.PAYMENT),
    ],
}


@pytest.mark.parametrize("again", ["recognised by the inbox", "under new ids"])
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_every_pair_and_triple_in_every_order_each_twice(history, again):
    model = models.Ticket if isinstance(history[0], tickets.TicketEvent) else models.Order
    for arrival in deliveries.orders_of_arrival(history, sizes=(2, 3)):
        with transaction.atomic():
            envelopes = {id(event): deliveries.wrap(event) for event in history}
            deliveries.hear(*(envelopes[id(event)] if again.startswith("rec") else event for event in arrival))
            copy, newest = model.objects.get(), max(arrival, key=lambda event: event.version)
            assert (copy.status, copy.version) == (newest.status, newest.version), [event.TYPE for event in arrival]
            transaction.set_rollback(True)
