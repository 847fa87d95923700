"""A payment's states: whatever is asked in whatever order, only what the contract draws can happen."""

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from payments_service.payments import models
from shared import clock, errors
from tests.payments.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db

Decision = models.Payment.Decision

DRAWN = {
    ("requested", "authorize"): "authorized",
    ("requested", "decline"): "declined",
    ("requested", "lose"): "unknown",
    ("unknown", "authorize"): "authorized",
    ("unknown", "decline"): "declined",
    ("authorized", "capture"): "captured",
    ("authorized", "void"): "voided",
    ("authorized", "fail"): "failed",
}


def put(payment, ask):
    arguments = {"decline": {"reason": "insufficient_funds"}, "fail": {"reason": "lapsed"}}
    getattr(payment, ask)(now=clock.now(), **arguments.get(ask, {}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["authorize", "decline", "lose", "capture", "void", "fail"]), max_size=8))
def test_moves_as_drawn_and_refuses_everything_else_without_a_trace(asked):
    with transaction.atomic():
        payment, status, version = PaymentFactory(), "requested", 0
        for ask in asked:
            if (status, ask) in DRAWN:
                put(payment, ask)
                status, version = DRAWN[status, ask], version + 1
            else:
                with pytest.raises(errors.Conflict):
                    put(payment, ask)
            stored = models.Payment.objects.get(id=payment.id)
            assert (stored.status, stored.version) == (status, version)
        transaction.set_rollback(True)


@pytest.mark.parametrize("ask", ["authorize", "decline", "lose", "capture", "void", "fail"])
@pytest.mark.parametrize("ended", ["captured", "voided", "declined", "failed", "refunded"])
def test_what_has_ended_stays_as_it_is(ended, ask):
    payment = PaymentFactory(status=ended)

    with pytest.raises(models.WrongState):
        put(payment, ask)

    assert payment.status == ended


class TestDecide:
    @pytest.mark.parametrize("status", ["requested", "unknown", "captured", "voided", "declined", "failed"])
    def test_is_for_authorized_payments_only(self, status):
        payment = PaymentFactory(status=status)

        with pytest.raises(models.WrongState):
            payment.decide(Decision.CAPTURE, now=clock.now())

    @pytest.mark.parametrize("first", [Decision.CAPTURE, Decision.VOID])
    @pytest.mark.parametrize("second", [Decision.CAPTURE, Decision.VOID])
    def test_is_final(self, first, second):
        payment = PaymentFactory(status="authorized")
        payment.decide(first, now=clock.now())

        with pytest.raises(models.AlreadyDecided):
            payment.decide(second, now=clock.now())

        payment.refresh_from_db()
        assert payment.decision == first


class TestDatabaseEvenWhenTheCodeIsWrong:
    @pytest.mark.parametrize("first", models.Payment.LIVE)
    @pytest.mark.parametrize("second", models.Payment.LIVE)
    def test_refuses_a_second_live_payment_of_an_order(self, first, second):
        order = OrderFactory()
        PaymentFactory(order=order, status=first)

        with pytest.raises(IntegrityError, match="one_live_payment_per_order"), transaction.atomic():
            PaymentFactory(order=order, status=second)

    @pytest.mark.parametrize("ended", ["declined", "voided", "failed", "refunded"])
    def test_lets_an_order_be_paid_again(self, ended):
        order = OrderFactory()
        PaymentFactory(order=order, status=ended)

        assert PaymentFactory(order=order).status == "requested"

    @pytest.mark.parametrize("amount", [0, -1250])
    def test_refuses_to_pay_nothing_or_less(self, amount):
        with pytest.raises(IntegrityError, match="amount_is_positive"), transaction.atomic():
            PaymentFactory(amount_minor=amount)
