"""Orders was restored, or payments itself: what goes back, what stays, and that nobody pays twice."""

import pytest

from payments_service.payments import commands, models, tasks
from payments_service.payments.providers import port
from shared import clock
from shared.contracts import orders
from shared.messaging import models as messaging
from shared.messaging import recovery
from shared.testing import deliveries
from tests.contracts import samples
from tests.payments.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db(transaction=True)

REBORN = 2


def hear(kind, *, epoch=1, **changes):
    return deliveries.hear(deliveries.wrap(samples.sample(kind, **changes), epoch=epoch))


@pytest.fixture
def captured():
    """The payment of an order that was complete before orders was restored."""
    hear(orders.OrderCompleted, status="complete", payment_id=samples.PAYMENT, version=2)
    order = models.Order.objects.get()
    return PaymentFactory(id=samples.PAYMENT, order=order, status="captured", version=2)


def order_told_again(status, version):
    later = clock.now().replace(year=2099)
    return hear(orders.OrderSnapshot, epoch=REBORN, status=status, version=version, expires_at=later)


class TestAnOrderThatHasGoneBack:
    def test_is_kept_as_orders_knows_it_now_and_its_payment_stays(self, captured):
        assert order_told_again("awaiting_payment", 1) == ["applied"]

        kept = models.Order.objects.get()
        assert (kept.status, kept.version, kept.payment_id) == ("awaiting_payment", 1, None)
        captured.refresh_from_db()
        assert (captured.status, captured.version) == ("captured", 2)

    def test_cannot_be_paid_a_second_time(self, captured):
        order_told_again("awaiting_payment", 1)

        with pytest.raises(models.AlreadyPaying):
            commands.pay(
                order_id=samples.ORDER, user_id=samples.BRUNO, token="tok_visa", idempotency_key=None, now=clock.now()
            )

    def test_and_ends_otherwise_leaves_the_money_where_it_is(self, captured):
        """What was captured is given back by people: the restore lists the order, and the audit names the money."""
        order_told_again("awaiting_payment", 1)
        order_told_again("expired", 2)

        captured.refresh_from_db()
        assert (captured.status, captured.decision) == ("captured", "")

    def test_is_not_believed_in_the_same_epoch(self, captured):
        """The negative control."""
        assert hear(orders.OrderSnapshot, status="awaiting_payment", version=1) == ["stale"]

        assert models.Order.objects.get().status == "complete"


class TestTheClock:
    def test_asks_the_provider_nothing_while_the_service_recovers(self, monkeypatch):
        monkeypatch.setattr(port, "PATIENCE", port.PATIENCE * 0)
        payment = PaymentFactory(order=OrderFactory())
        recovery.begin(epoch=REBORN)

        tasks.resolve_payments()
        tasks.settle_payments()

        payment.refresh_from_db()
        assert payment.status == "requested"
        messaging.Log.objects.update(recovering_since=None)
        tasks.resolve_payments()
        payment.refresh_from_db()
        assert payment.status == "declined"
