"""Whatever order the bus delivers in, and however often, a ticket ends where the contract says.

Each pair and triple of one purchase's events is delivered in every order, each twice, to the real handlers. What is
expected is worked out beside it from contract §5 rule 3 alone.
"""

import itertools
import uuid

import pytest
from django.db import transaction

from shared.contracts import orders
from shared.testing import deliveries
from tests.contracts import samples
from tests.tickets.factories import TicketFactory
from tickets_service.tickets import models

pytestmark = pytest.mark.django_db

HERS, HIS = uuid.UUID(int=101), uuid.UUID(int=102)


def purchase(order_id, *ends):
    """An order's history: created, confirmed, and how it ended."""
    kinds = (orders.OrderCreated, orders.OrderConfirmed, *ends)
    states = (
        "created",
        "awaiting_payment",
        *(kind.TYPE.partition(".")[2].replace("completed", "complete") for kind in ends),
    )
    return [
        samples.sample(kind, id=order_id, status=state, version=version, payment_id=samples.PAYMENT, relist=True)
        for version, (kind, state) in enumerate(zip(kinds, states, strict=True))
    ]


HISTORIES = {
    "cancelled": [purchase(HERS, orders.OrderCancelled)[0], purchase(HERS, orders.OrderCancelled)[2]],
    "confirmed, cancelled": purchase(HERS, orders.OrderCancelled),
    "expired": purchase(HERS, orders.OrderExpired),
    "complete": purchase(HERS, orders.OrderCompleted),
    "refunded": purchase(HERS, orders.OrderCompleted, orders.OrderRefunded),
    "hers expired, then his": [*purchase(HERS, orders.OrderExpired)[::2], *purchase(HIS, orders.OrderCompleted)],
}


def expected(heard):
    """Contract §5 rule 3, tickets hearing an order, as a table: (status, holder) after these events."""
    status, holder, newest = "on_sale", None, {}
    for event in heard:
        if event.version <= newest.get(event.id, -1):
            continue
        newest[event.id] = event.version
        held = holder == event.id
        if event.status == "created" and status == "on_sale":
            status, holder = "reserved", event.id
        elif (event.status in ("cancelled", "expired") and held and status == "reserved") or (
            event.status == "refunded" and held
        ):
            status, holder = "on_sale", None
        elif event.status == "complete" and held:
            status = "sold"
    return status, holder


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_every_pair_and_triple_in_every_order_each_twice(history):
    tried = 0
    for arrival in deliveries.orders_of_arrival(history, sizes=(2, 3)):
        with transaction.atomic():
            TicketFactory(id=samples.HAMLET)
            envelopes = {id(event): deliveries.wrap(event) for event in history}
            deliveries.hear(*(envelopes[id(event)] for event in arrival))
            ticket = models.Ticket.objects.get()
            assert (ticket.status, ticket.order_id) == expected(arrival), [event.TYPE for event in arrival]
            tried += 1
            transaction.set_rollback(True)
    assert tried >= 3 * len(list(itertools.permutations(history, 2)))


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_the_same_under_new_event_ids_as_after_a_replay(history):
    """Without the inbox to recognise a repeat, the newest version heard of each order has to do."""
    for arrival in deliveries.orders_of_arrival(history, sizes=(2, 3)):
        with transaction.atomic():
            TicketFactory(id=samples.HAMLET)
            deliveries.hear(*arrival)
            ticket = models.Ticket.objects.get()
            assert (ticket.status, ticket.order_id) == expected(arrival), [event.TYPE for event in arrival]
            transaction.set_rollback(True)


@pytest.mark.parametrize("name", ["cancelled", "confirmed, cancelled", "expired", "refunded"])
def test_an_order_that_has_ended_never_keeps_a_ticket(name):
    """The whole history in every order: the ticket is free again."""
    for arrival in itertools.permutations(HISTORIES[name]):
        with transaction.atomic():
            TicketFactory(id=samples.HAMLET)
            deliveries.hear(*arrival)
            assert models.Ticket.objects.get().status == "on_sale", [event.TYPE for event in arrival]
            transaction.set_rollback(True)
