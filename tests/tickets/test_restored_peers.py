"""Another service was restored: its newest word has a lower version and an older state, and it is believed."""

import pytest

from shared.contracts import orders, users
from shared.identity import models as identity
from shared.testing import deliveries
from tests.contracts import samples
from tests.tickets.factories import TicketFactory

pytestmark = pytest.mark.django_db

REBORN = 2


@pytest.fixture
def ticket():
    return TicketFactory(id=samples.HAMLET, amount_minor=1250, currency="USD")


def hear(kind, *, epoch=1, **changes):
    return deliveries.hear(deliveries.wrap(samples.sample(kind, **changes), epoch=epoch))


def told_again(status, version):
    return hear(orders.OrderSnapshot, epoch=REBORN, status=status, version=version)


@pytest.fixture
def sold(ticket):
    """To an order that was complete before orders was restored."""
    hear(orders.OrderCreated)
    hear(orders.OrderCompleted, status="complete", version=2, payment_id=samples.PAYMENT)
    ticket.refresh_from_db()
    assert ticket.status == "sold"
    return ticket


class TestAnOrderThatHasGoneBack:
    @pytest.mark.parametrize(("status", "version"), [("created", 0), ("awaiting_payment", 1)])
    def test_keeps_the_ticket_it_was_sold(self, sold, status, version):
        assert told_again(status, version) == ["applied"]

        before = sold.version
        sold.refresh_from_db()
        assert (sold.status, sold.order_id, sold.version) == ("sold", samples.ORDER, before)

    def test_and_then_ends_otherwise_does_not_free_what_was_sold(self, sold):
        """Its payment was captured: whoever has the ticket keeps it, and the restore has listed the order."""
        told_again("awaiting_payment", 1)

        assert told_again("expired", 2) == ["applied"]

        sold.refresh_from_db()
        assert sold.status == "sold"

    def test_and_is_completed_again_changes_nothing(self, sold):
        told_again("awaiting_payment", 1)

        assert told_again("complete", 2) == ["applied"]

        sold.refresh_from_db()
        assert (sold.status, sold.version) == ("sold", 2)

    def test_from_the_dead_gets_its_ticket_again_if_nobody_has_it(self, ticket):
        hear(orders.OrderCreated)
        hear(orders.OrderCancelled, status="cancelled", version=1)

        told_again("created", 0)

        ticket.refresh_from_db()
        assert (ticket.status, ticket.order_id) == ("reserved", samples.ORDER)

    def test_is_not_believed_in_the_same_epoch(self, ticket):
        """The negative control."""
        hear(orders.OrderCreated)
        hear(orders.OrderCancelled, status="cancelled", version=1)

        assert hear(orders.OrderSnapshot, status="created", version=0) == ["stale"]

        ticket.refresh_from_db()
        assert ticket.status == "on_sale"


class TestAUserWhoHasGoneBack:
    def test_is_kept_as_auth_knows_him_now(self):
        hear(users.UserBanned, active=False, version=4)

        assert hear(users.UserSnapshot, epoch=REBORN, active=True, version=3) == ["applied"]

        kept = identity.User.objects.get(id=samples.OLIVIA)
        assert (kept.active, kept.version) == (True, 3)
