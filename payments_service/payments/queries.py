"""What may be known about payments: each buyer knows his own; the clock knows what is unfinished."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Count, Min

from payments_service.payments import models
from shared.contracts import payments as events


class Due(NamedTuple):
    """A payment that waits for the worker, and on whose behalf."""

    payment_id: uuid.UUID
    request_id: str | None
    traceparent: str | None


def payments_of(user_id: uuid.UUID) -> models.PaymentQuerySet:
    return models.Payment.objects.filter(user_id=user_id)


def get_payment(*, payment_id: uuid.UUID, user_id: uuid.UUID) -> models.Payment:
    """One payment, if it is this user's."""
    payment = payments_of(user_id).filter(id=payment_id).first()
    if payment is None:
        raise models.UnknownPayment
    return payment


def to_settle(*, most: int) -> list[Due]:
    """Payments whose fate is decided and whose provider is still to be told, the longest waiting first."""
    return _due(models.Payment.objects.to_settle(), most=most)


def unanswered(*, before: dt.datetime, most: int) -> list[Due]:
    """Payments whose provider was asked before then and whose answer is missing."""
    return _due(models.Payment.objects.unanswered(before=before), most=most)


def _due(payments: models.PaymentQuerySet, *, most: int) -> list[Due]:
    found = payments.order_by("updated_at").values_list("id", "request_id", "traceparent")
    return [Due(*row) for row in found[:most]]


def unfinished(*, now: dt.datetime) -> Iterator[tuple[str, int, float]]:
    """What payments wait for: how many there are that do, and for how many seconds the oldest has."""
    payments, decision = models.Payment.objects, models.Payment.Decision
    waiting = {
        "answer": payments.unanswered(before=now),
        "order": payments.undecided(),
        "capture": payments.to_settle().filter(decision=decision.CAPTURE),
        "void": payments.to_settle().filter(decision=decision.VOID),
    }
    for what, those in waiting.items():
        found = those.aggregate(many=Count("id"), since=Min("updated_at"))
        yield what, found["many"], (now - (found["since"] or now)).total_seconds()


def aggregates() -> tuple[models.PaymentQuerySet, type[events.PaymentSnapshot]]:
    """All payments that anybody may hear of, and the event that tells the whole of one."""
    return models.Payment.objects.said(), events.PaymentSnapshot
