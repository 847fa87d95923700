"""What the state of an order decides about its payments, and what is quietly let be."""

import datetime as dt

import pytest

from payments_service.payments import commands, models, queries
from shared import clock, ids
from shared.contracts import orders
from shared.testing import deliveries, traces
from tests.contracts import samples
from tests.payments.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db

EVENTS = {
    "created": orders.OrderCreated,
    "awaiting_payment": orders.OrderConfirmed,
    "cancelled": orders.OrderCancelled,
    "expired": orders.OrderExpired,
    "complete": orders.OrderCompleted,
    "refunded": orders.OrderRefunded,
}


def hear(status, *, version=2, payment=None):
    deliveries.hear(samples.sample(EVENTS[status], status=status, version=version, payment_id=payment and payment.id))


@pytest.fixture
def order():
    return OrderFactory(id=samples.ORDER, user_id=samples.BRUNO)


def decision(payment):
    return models.Payment.objects.get(id=payment.id).decision


class TestKeepOrder:
    @pytest.mark.parametrize("status", EVENTS)
    def test_keeps_the_newest_copy(self, status):
        payment = models.Payment(id=samples.PAYMENT)

        hear(status, payment=payment)

        copy = models.Order.objects.get()
        assert (copy.id, copy.user_id, copy.status, copy.version) == (samples.ORDER, samples.BRUNO, status, 2)
        assert (copy.amount_minor, copy.currency, copy.payment_id) == (1250, "USD", samples.PAYMENT)

    @pytest.mark.parametrize("status", ["created", "awaiting_payment"])
    def test_decides_nothing_while_the_order_is_open(self, order, status):
        payment = PaymentFactory(order=order, status="authorized")

        hear(status)

        assert decision(payment) == ""

    @pytest.mark.parametrize("status", ["cancelled", "expired", "refunded"])
    def test_voids_what_is_authorized_when_the_order_ends(self, order, status):
        payment = PaymentFactory(order=order, status="authorized")

        hear(status)

        assert decision(payment) == "void"

    def test_captures_the_payment_that_bought(self, order):
        payment = PaymentFactory(order=order, status="authorized")

        hear("complete", payment=payment)

        assert decision(payment) == "capture"

    def test_voids_a_payment_that_did_not_buy(self, order):
        payment = PaymentFactory(order=order, status="authorized")

        hear("complete", payment=models.Payment(id=ids.new()))

        assert decision(payment) == "void"

    @pytest.mark.parametrize("status", ["requested", "unknown", "captured", "declined", "voided", "failed"])
    def test_leaves_alone_what_is_not_authorized(self, order, status):
        payment = PaymentFactory(order=order, status=status)

        hear("cancelled")

        assert decision(payment) == ""

    def test_leaves_other_orders_alone(self, order):
        other = PaymentFactory(status="authorized")

        hear("cancelled")

        assert decision(other) == ""

    def test_never_decides_twice(self, order):
        payment = PaymentFactory(order=order, status="authorized", decision="capture")

        hear("refunded", payment=payment)

        assert decision(payment) == "capture"

    def test_tells_nobody_for_nothing_has_happened_yet(self, order):
        PaymentFactory(order=order, status="authorized")

        hear("cancelled")

        assert deliveries.said() == []


class TestRefusePayment:
    def test_voids_what_is_authorized(self, order):
        payment = PaymentFactory(id=samples.PAYMENT, order=order, status="authorized")

        deliveries.hear(samples.sample(orders.PaymentRefused))

        assert decision(payment) == "void"

    @pytest.mark.parametrize(
        "past",
        [
            {"status": "authorized", "decision": "capture"},
            {"status": "captured"},
            {"status": "voided"},
            {"status": "declined"},
        ],
    )
    def test_lets_be_what_is_past_it(self, order, past):
        payment = PaymentFactory(id=samples.PAYMENT, order=order, **past)

        deliveries.hear(samples.sample(orders.PaymentRefused))

        assert decision(payment) == past.get("decision", "")

    def test_of_a_payment_nobody_knows_is_quiet(self):
        commands.refuse_payment(payment_id=ids.new(), now=clock.now())

        assert deliveries.said() == []


class TestForgetPayer:
    SENT = {"token": "tok_of_bruno", "idempotency_key": "bruno@example.com"}

    def test_empties_what_he_sent_and_leaves_the_books(self, bruno):
        bruno.is_known()
        payment = PaymentFactory(order__user_id=bruno.id, status="captured", version=2, **self.SENT)
        assert traces.here("tok_of_bruno") == {"payments_payment.token"}
        assert traces.here("bruno@example.com") == {"payments_payment.idempotency_key"}

        bruno.closes_the_account()

        assert traces.here("tok_of_bruno") == traces.here("bruno@example.com") == set()
        kept = models.Payment.objects.get(id=payment.id)
        assert (kept.user_id, kept.status, kept.amount_minor, kept.version) == (bruno.id, "captured", 1250, 2)

    def test_waits_for_the_account_to_be_closed(self, bruno):
        bruno.is_known()
        PaymentFactory(order__user_id=bruno.id, **self.SENT)

        bruno.is_banned()

        assert traces.here("tok_of_bruno") == {"payments_payment.token"}

    def test_forgets_nobody_else(self, bruno, olivia):
        PaymentFactory(order__user_id=olivia.id, **self.SENT)

        bruno.closes_the_account()

        assert traces.here("tok_of_bruno") == {"payments_payment.token"}


class TestWhatIsUnfinished:
    def test_to_settle_is_what_was_decided_the_longest_waiting_first(self):
        now = clock.now()
        waiting = [
            PaymentFactory(status="authorized", decision=decision, updated_at=now - dt.timedelta(minutes=age))
            for decision, age in (("void", 1), ("capture", 2))
        ]
        PaymentFactory(status="authorized")
        PaymentFactory(status="captured", decision="capture")

        assert [due.payment_id for due in queries.to_settle(most=10)] == [waiting[1].id, waiting[0].id]
        assert [due.payment_id for due in queries.to_settle(most=1)] == [waiting[1].id]

    def test_unanswered_is_what_was_asked_long_enough_ago(self):
        now = clock.now()
        old = now - dt.timedelta(minutes=1)
        unanswered = [PaymentFactory(status=status, updated_at=old) for status in ("requested", "unknown")]
        PaymentFactory(status="requested", updated_at=now)
        PaymentFactory(status="authorized", updated_at=old)

        found = queries.unanswered(before=now - dt.timedelta(seconds=10), most=10)

        assert {due.payment_id for due in found} == {payment.id for payment in unanswered}
