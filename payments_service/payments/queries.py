"""What may be known about payments: each buyer knows his own; the clock knows what is unfinished."""

import datetime as dt
import uuid

from payments_service.payments import models
from shared.contracts import payments as events


def payments_of(user_id: uuid.UUID) -> models.PaymentQuerySet:
    return models.Payment.objects.filter(user_id=user_id)


def get_payment(*, payment_id: uuid.UUID, user_id: uuid.UUID) -> models.Payment:
    """One payment, if it is this user's."""
    payment = payments_of(user_id).filter(id=payment_id).first()
    if payment is None:
        raise models.UnknownPayment
    return payment


def to_settle(*, most: int) -> list[uuid.UUID]:
    """Payments whose fate is decided and whose provider is still to be told, the longest waiting first."""
    return list(models.Payment.objects.to_settle().order_by("updated_at").values_list("id", flat=True)[:most])


def unanswered(*, before: dt.datetime, most: int) -> list[uuid.UUID]:
    """Payments whose provider was asked before then and whose answer is missing."""
    payments = models.Payment.objects.unanswered(before=before)
    return list(payments.order_by("updated_at").values_list("id", flat=True)[:most])


def aggregates() -> tuple[models.PaymentQuerySet, type[events.PaymentSnapshot]]:
    """All payments that anybody may hear of, and the event that tells the whole of one."""
    return models.Payment.objects.said(), events.PaymentSnapshot
