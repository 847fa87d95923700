"""Which payments are told whole, and that what may not be heard yet is not."""

import pytest
from django.db import transaction

from payments_service.payments import models
from shared.messaging import snapshots
from tests.payments.factories import PaymentFactory

pytestmark = pytest.mark.django_db


def told():
    with transaction.atomic():
        return {event.id: event for event in snapshots.page(after=None, most=10)}


def test_a_payment_is_told_with_its_state():
    payment = PaymentFactory(status="captured", version=3)

    event = told()[payment.id]

    assert (event.status, event.version, event.order_id) == ("captured", 3, payment.order_id)


def test_an_authorization_that_is_to_be_voided_is_told_to_nobody():
    """Orders would take it for a promise of money, and complete an order with it."""
    PaymentFactory(status="authorized", decision=models.Payment.Decision.VOID, version=1)
    kept = PaymentFactory(status="authorized", version=1)

    assert set(told()) == {kept.id}
