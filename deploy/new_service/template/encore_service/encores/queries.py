"""What may be known: each buyer's purchases, put together from two copies that may not be equally new."""

import uuid

from django.db.models import OuterRef, Subquery

from encore_service.encores import models


def purchases_of(user_id: uuid.UUID) -> models.OrderQuerySet:
    """The complete orders of this user, each with its show's venue and time where its ticket is known already."""
    ticket = models.Ticket.objects.filter(id=OuterRef("ticket_id"))
    known = {name: Subquery(ticket.values(name)) for name in ("venue", "starts_at")}
    return models.Order.objects.bought_by(user_id).annotate(**known)


def get_purchase(*, order_id: uuid.UUID, user_id: uuid.UUID) -> models.Order:
    """One purchase, if it is this user's."""
    purchase = purchases_of(user_id).filter(id=order_id).first()
    if purchase is None:
        raise models.UnknownPurchase
    return purchase
