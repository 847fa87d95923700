"""What encore keeps of what it hears, member by member, and that it says nothing."""

import pytest

from encore_service.encores import handlers, models
from shared.contracts import orders, registry, tickets, users
from shared.identity.models import User
from shared.messaging import subscriptions
from shared.testing import deliveries
from tests.contracts import samples

pytestmark = pytest.mark.django_db

TICKETS = [kind for kind in handlers.HANDLERS if issubclass(kind, tickets.TicketEvent)]
ORDERS = [kind for kind in handlers.HANDLERS if issubclass(kind, orders.OrderEvent)]


def members(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.fields}


@pytest.mark.parametrize("kind", TICKETS, ids=lambda kind: kind.TYPE)
def test_keeps_a_ticket_whichever_event_tells_of_it_first(kind):
    event = samples.sample(kind)

    deliveries.hear(event)

    kept = members(models.Ticket.objects.get())
    assert kept == {name: getattr(event, name) for name in kept}


@pytest.mark.parametrize("kind", ORDERS, ids=lambda kind: kind.TYPE)
def test_keeps_an_order_whichever_event_tells_of_it_first(kind):
    event = samples.sample(kind, status="complete", payment_id=samples.PAYMENT)

    deliveries.hear(event)

    kept = members(models.Order.objects.get())
    assert kept == {name: getattr(event, name) for name in kept}


def test_keeps_users_as_every_service_does():
    deliveries.hear(samples.sample(users.UserRegistered))

    assert User.objects.get().email == "olivia@example.com"


@pytest.mark.parametrize("base", [tickets.TicketEvent, orders.OrderEvent], ids=["tickets", "orders"])
def test_leaves_out_no_event_of_what_it_keeps(base):
    """One left out would be recorded as ignored, and the copy would stay behind until the next."""
    told = {kind for kind in registry.EVENTS if issubclass(kind, base)}

    assert told
    assert told <= set(subscriptions.table())


def test_says_nothing():
    deliveries.hear(*samples.ALL)

    assert deliveries.said() == []
