"""What may be asked of encore: so far only to keep its copies."""

from django.db import transaction

from encore_service.encores import models
from shared.contracts import orders, tickets


@transaction.atomic
def keep_ticket(*, ticket: tickets.TicketEvent) -> None:
    """Keep this service's copy of a ticket."""
    models.Ticket.objects.update_or_create(
        id=ticket.id,
        defaults={
            "user_id": ticket.user_id,
            "status": ticket.status,
            "order_id": ticket.order_id,
            "title": ticket.title,
            "venue": ticket.venue,
            "starts_at": ticket.starts_at,
            "amount_minor": ticket.amount_minor,
            "currency": ticket.currency,
            "version": ticket.version,
        },
    )


@transaction.atomic
def keep_order(*, order: orders.OrderEvent) -> None:
    """Keep this service's copy of an order."""
    models.Order.objects.update_or_create(
        id=order.id,
        defaults={
            "user_id": order.user_id,
            "status": order.status,
            "ticket_id": order.ticket_id,
            "ticket_title": order.ticket_title,
            "amount_minor": order.amount_minor,
            "currency": order.currency,
            "created_at": order.created_at,
            "expires_at": order.expires_at,
            "payment_id": order.payment_id,
            "version": order.version,
        },
    )
