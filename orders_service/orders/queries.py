"""What may be known about orders: each buyer knows his own."""

import uuid

from orders_service.orders import models


def orders_of(user_id: uuid.UUID) -> models.OrderQuerySet:
    return models.Order.objects.filter(user_id=user_id)


def get_order(*, order_id: uuid.UUID, user_id: uuid.UUID) -> models.Order:
    """One order, if it is this user's."""
    order = orders_of(user_id).filter(id=order_id).first()
    if order is None:
        raise models.UnknownOrder
    return order
