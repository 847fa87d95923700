"""What may be known about orders: each buyer knows his own."""

import uuid

from orders_service.orders import models
from shared.contracts import orders as events


def orders_of(user_id: uuid.UUID) -> models.OrderQuerySet:
    return models.Order.objects.filter(user_id=user_id)


def get_order(*, order_id: uuid.UUID, user_id: uuid.UUID) -> models.Order:
    """One order, if it is this user's."""
    order = orders_of(user_id).filter(id=order_id).first()
    if order is None:
        raise models.UnknownOrder
    return order


def aggregates() -> tuple[models.OrderQuerySet, type[events.OrderSnapshot]]:
    """All orders, and the event that tells the whole of one."""
    return models.Order.objects.all(), events.OrderSnapshot
