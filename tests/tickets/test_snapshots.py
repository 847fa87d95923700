"""Every ticket can be told whole, and an order that is told whole does what its history would have done."""

import uuid

import pytest
from django.db import transaction

from shared.contracts import orders
from shared.messaging import snapshots
from shared.testing import deliveries
from tests.contracts import samples
from tests.tickets.factories import TicketFactory
from tickets_service.tickets import models

pytestmark = pytest.mark.django_db


def test_a_ticket_is_told_with_its_state():
    ticket = TicketFactory(sold=True)

    with transaction.atomic():
        (event,) = snapshots.page(after=None, most=10)

    assert (event.id, event.status, event.order_id, event.version) == (ticket.id, "sold", ticket.order_id, 2)


def test_they_are_told_page_by_page():
    everybody = sorted(TicketFactory().id for _ in range(5))

    with transaction.atomic():
        first = snapshots.page(after=None, most=3)
        rest = snapshots.page(after=uuid.UUID(first[-1].subject), most=3)

    assert [event.id for event in (*first, *rest)] == everybody


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [
        ("created", {}, "reserved"),
        ("awaiting_payment", {"status": "reserved", "order_id": samples.ORDER}, "reserved"),
        ("cancelled", {"status": "reserved", "order_id": samples.ORDER}, "on_sale"),
        ("expired", {"status": "reserved", "order_id": samples.ORDER}, "on_sale"),
        ("complete", {"status": "reserved", "order_id": samples.ORDER}, "sold"),
        ("refunded", {"status": "sold", "order_id": samples.ORDER}, "on_sale"),
        ("cancelled", {"status": "reserved", "order_id": uuid.UUID(int=99)}, "reserved"),
    ],
)
def test_an_order_told_whole_does_what_its_events_would_have_done(state, before, after):
    TicketFactory(id=samples.HAMLET, **before)

    deliveries.hear(samples.sample(orders.OrderSnapshot, status=state, version=7, relist=True))

    assert models.Ticket.objects.get().status == after
