"""What may be known about orders: each buyer knows his own."""

import datetime as dt
import uuid

from django.db.models import Count, Min, Q

from orders_service.orders import models
from shared.contracts import orders as events
from shared.messaging import models as messaging
from shared.messaging import timeline


def orders_of(user_id: uuid.UUID) -> models.OrderQuerySet:
    return models.Order.objects.filter(user_id=user_id)


def get_order(*, order_id: uuid.UUID, user_id: uuid.UUID) -> models.Order:
    """One order, if it is this user's."""
    order = orders_of(user_id).filter(id=order_id).first()
    if order is None:
        raise models.UnknownOrder
    return order


def life_of(order: models.Order) -> list[timeline.Line]:
    """What was said of an order, and heard of it, of its payments, and of its ticket until the next one claimed it."""
    refused = messaging.OutboxEvent.objects.filter(subject=str(order.id), type=events.PaymentRefused.TYPE)
    payments = {order.payment_id, *refused.values_list("data__paymentId", flat=True)} - {None}
    of_ticket = Q(subject=str(order.ticket_id), received_at__gte=order.created_at)
    later = models.Order.objects.filter(ticket_id=order.ticket_id, created_at__gt=order.created_at)
    if next_claim := later.aggregate(at=Min("created_at"))["at"]:
        of_ticket &= Q(received_at__lt=next_claim)
    return timeline.of(order.id, heard=of_ticket | Q(subject__in=[str(order.id), *map(str, payments)]))


def unpaid() -> list[tuple[str, int]]:
    """How many live orders are not paid, by their status."""
    found = models.Order.objects.unpaid().values_list("status").annotate(many=Count("id"))
    return list((dict.fromkeys(models.Order.UNPAID, 0) | dict(found)).items())


def overdue(*, now: dt.datetime) -> tuple[int, float]:
    """How many orders should have expired, and for how many seconds the window of the oldest is over."""
    found = (
        models.Order.objects.unpaid().filter(expires_at__lte=now).aggregate(many=Count("id"), since=Min("expires_at"))
    )
    return found["many"], (now - (found["since"] or now)).total_seconds()


def aggregates() -> tuple[models.OrderQuerySet, type[events.OrderSnapshot]]:
    """All orders, and the event that tells the whole of one."""
    return models.Order.objects.all(), events.OrderSnapshot
