"""Another service was restored: its newest word has a lower version and an older state, and it is believed."""

import pytest

from orders_service.orders import models
from shared.contracts import payments, tickets
from shared.testing import deliveries
from tests.contracts import samples
from tests.orders.factories import OrderFactory

pytestmark = pytest.mark.django_db

REBORN = 2


def hear(kind, *, epoch=1, **changes):
    return deliveries.hear(deliveries.wrap(samples.sample(kind, **changes), epoch=epoch))


def order(status, **details):
    paid = {"payment_id": samples.PAYMENT} if status in ("complete", "refunded") else {}
    return OrderFactory(id=samples.ORDER, status=status, ticket_id=samples.HAMLET, amount_minor=1250, **paid, **details)


class TestATicketThatHasGoneBack:
    def test_is_kept_as_tickets_knows_it_now(self):
        hear(tickets.TicketUpdated, status="on_sale", order_id=None, amount_minor=3000, version=8)

        assert hear(tickets.TicketSnapshot, epoch=REBORN, status="on_sale", order_id=None, version=3) == ["applied"]

        kept = models.Ticket.objects.get(id=samples.HAMLET)
        assert (kept.version, kept.amount_minor) == (3, 1250)

    def test_is_not_believed_in_the_same_epoch(self):
        """The negative control."""
        hear(tickets.TicketUpdated, status="on_sale", order_id=None, version=8)

        assert hear(tickets.TicketSnapshot, status="on_sale", order_id=None, version=3) == ["stale"]

        assert models.Ticket.objects.get(id=samples.HAMLET).version == 8

    @pytest.mark.parametrize("status", ["awaiting_payment", "complete"])
    def test_before_its_sale_is_not_sold_twice(self, status):
        """Its order lives on: nobody can order the ticket, whatever its own service says."""
        holding = order(status)
        hear(tickets.TicketSnapshot, epoch=REBORN, status="on_sale", order_id=None, version=0)

        holding.refresh_from_db()
        assert holding.status == status
        with pytest.raises(models.TicketTaken):
            OrderFactory.build(ticket_id=samples.HAMLET).place()


class TestAPaymentThatHasGoneBack:
    def test_to_its_authorization_changes_nothing_for_the_order_it_has_completed(self):
        complete = order("complete", version=2)
        hear(payments.PaymentCaptured, status="captured", version=2)

        assert hear(payments.PaymentSnapshot, epoch=REBORN, status="authorized", version=1) == ["applied"]

        complete.refresh_from_db()
        assert (complete.status, complete.version) == ("complete", 2)
        assert deliveries.said() == []

    @pytest.mark.parametrize("status", ["cancelled", "expired"])
    def test_to_its_authorization_is_refused_by_an_order_that_is_over(self, status):
        """So payments voids it, as it had done before it was restored."""
        order(status)
        hear(payments.PaymentVoided, status="voided", version=2)

        hear(payments.PaymentSnapshot, epoch=REBORN, status="authorized", version=1)

        assert deliveries.said() == [("order.payment_refused", str(samples.ORDER))]

    def test_to_its_authorization_does_not_buy_what_it_was_refunded(self):
        """Payments voids it by itself: it hears the refund again, as all that was said since its dump."""
        refunded = order("refunded", relist=True, version=3)
        hear(payments.PaymentVoided, status="voided", version=2)

        hear(payments.PaymentSnapshot, epoch=REBORN, status="authorized", version=1)

        refunded.refresh_from_db()
        assert (refunded.status, deliveries.said()) == ("refunded", [])
