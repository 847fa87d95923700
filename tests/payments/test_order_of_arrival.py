"""Whatever order the bus delivers in, and however often, what becomes of a payment is decided as the contract says."""

import pytest
from django.db import transaction

from payments_service.payments import models
from shared.contracts import orders
from shared.testing import deliveries
from tests.contracts import samples
from tests.payments.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db

OTHER = samples.SESSION


def order(kind, status, version, **changes):
    return samples.sample(kind, status=status, version=version, **changes)


CREATED = order(orders.OrderCreated, "created", 0)
CONFIRMED = order(orders.OrderConfirmed, "awaiting_payment", 1)
CANCELLED = order(orders.OrderCancelled, "cancelled", 2)
EXPIRED = order(orders.OrderExpired, "expired", 2)
COMPLETED = order(orders.OrderCompleted, "complete", 2, payment_id=samples.PAYMENT)
BY_ANOTHER = order(orders.OrderCompleted, "complete", 2, payment_id=OTHER)
REFUNDED = order(orders.OrderRefunded, "refunded", 3, payment_id=samples.PAYMENT)
REFUSED = samples.sample(orders.PaymentRefused)

HISTORIES = {
    "bought": [CREATED, CONFIRMED, COMPLETED],
    "cancelled": [CREATED, CONFIRMED, CANCELLED],
    "expired and refused": [CREATED, CONFIRMED, EXPIRED, REFUSED],
    "bought by another payment": [CONFIRMED, BY_ANOTHER, REFUSED],
    "refunded": [CONFIRMED, COMPLETED, REFUNDED],
}


def expected(heard):
    """Contract §5 rule 3, payments hearing an order, for an authorized payment: (decision, the copy's state)."""
    decision, status, newest = "", None, -1
    for event in heard:
        if event is REFUSED:
            decision = decision or "void"
            continue
        if event.version <= newest:
            continue
        newest, status = event.version, event.status
        if status == "complete":
            decision = decision or ("capture" if event.payment_id == samples.PAYMENT else "void")
        elif status in ("cancelled", "expired", "refunded"):
            decision = decision or "void"
    return decision, status


@pytest.mark.parametrize("again", ["recognised by the inbox", "under new ids"])
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_every_pair_and_triple_in_every_order_each_twice(history, again):
    for arrival in deliveries.orders_of_arrival(history, sizes=(2, 3)):
        with transaction.atomic():
            PaymentFactory(id=samples.PAYMENT, status="authorized", order=OrderFactory.build(id=samples.ORDER))
            envelopes = {id(event): deliveries.wrap(event) for event in history}
            deliveries.hear(*(envelopes[id(event)] if again.startswith("rec") else event for event in arrival))
            payment, copy = models.Payment.objects.get(), models.Order.objects.filter(id=samples.ORDER).first()
            assert (payment.decision, copy and copy.status) == expected(arrival), [event.TYPE for event in arrival]
            transaction.set_rollback(True)
