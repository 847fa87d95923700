"""What may be asked of orders. An order is locked before anything is said about it."""

import datetime as dt
import uuid
from collections.abc import Callable

import msgspec
from django.db import connection, transaction
from django.db.models.functions import Now

from orders_service.orders import models
from shared.contracts import orders as events
from shared.contracts import tickets
from shared.identity import actions, users
from shared.identity import models as identity
from shared.messaging import outbox

Precondition = Callable[[int], None]


@transaction.atomic
def place_order(
    *, ticket_id: uuid.UUID, user_id: uuid.UUID, window: dt.timedelta, most_unpaid: int, now: dt.datetime
) -> models.Order:
    """Claim a ticket at its present price; the window to pay runs from now, confirmed or not."""
    ticket = models.Ticket.objects.filter(id=ticket_id).first()
    if ticket is None:
        raise models.UnknownTicket
    users.require_active(user_id)
    ticket.demand_orderable_by(user_id)
    _demand_room_for(user_id, most_unpaid)
    order = models.Order(
        user_id=user_id,
        ticket_id=ticket.id,
        ticket_version=ticket.version,
        ticket_title=ticket.title,
        amount_minor=ticket.amount_minor,
        currency=ticket.currency,
        created_at=now,
        expires_at=now + window,
    )
    order.place()
    _say(events.OrderCreated, order)
    return order


@transaction.atomic
def cancel_order(*, order_id: uuid.UUID, user_id: uuid.UUID, precondition: Precondition) -> None:
    """Give an unpaid order up; once more is no harm. `precondition` is given the version and raises where it fails."""
    order = models.Order.objects.locked().filter(id=order_id, user_id=user_id).first()
    if order is None:
        raise models.UnknownOrder
    precondition(order.version)
    if order.status != models.Order.Status.CANCELLED:
        _cancel(order, reason="cancelled_by_buyer")


@transaction.atomic
def cancel_order_of_buyer(*, order_id: uuid.UUID, by: identity.Account, reason: str) -> None:
    """Give somebody else's unpaid order up, as a member of the staff. Raises UnknownOrder, WrongState."""
    order = _lock(order_id)
    if order is None:
        raise models.UnknownOrder
    _cancel(order, reason="cancelled_by_staff")
    actions.record(by=by, target=order, what="cancelled", reason=reason)


@transaction.atomic
def cancel_unpaid_orders(*, user_id: uuid.UUID, reason: str) -> None:
    """Cancel whatever a barred buyer has not paid."""
    for order in models.Order.objects.unpaid().filter(user_id=user_id).order_by("id").locked():
        _cancel(order, reason=reason)


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
            "amount_minor": ticket.amount_minor,
            "currency": ticket.currency,
            "version": ticket.version,
        },
    )


@transaction.atomic
def confirm_order(*, order_id: uuid.UUID) -> None:
    """The ticket is held for this order. Quiet where the order is past that."""
    order = _lock(order_id)
    if order and order.status == models.Order.Status.CREATED:
        order.confirm()
        _say(events.OrderConfirmed, order)


@transaction.atomic
def refuse_order(*, order_id: uuid.UUID, reason: str) -> None:
    """The ticket could not be held for this order. Quiet where the order is past that."""
    order = _lock(order_id)
    if order and order.status == models.Order.Status.CREATED:
        _cancel(order, reason=reason)


@transaction.atomic
def complete_order(
    *, order_id: uuid.UUID, payment_id: uuid.UUID, amount_minor: int, currency: str, now: dt.datetime
) -> None:
    """Accept an authorized payment, or tell payments why not."""
    order = _lock(order_id)
    if order is None:
        return _refuse_payment(order_id, payment_id, "unknown_order")
    if order.payment_id == payment_id:
        return None
    if (amount_minor, currency) != (order.amount_minor, order.currency):
        return _refuse_payment(order_id, payment_id, "wrong_amount")
    try:
        order.complete(payment_id, now=now)
    except (models.WrongState, models.WindowOver) as refusal:
        return _refuse_payment(order_id, payment_id, refusal.code)
    return _say(events.OrderCompleted, order)


@transaction.atomic
def refund_order(*, order_id: uuid.UUID, payment_id: uuid.UUID, relist: bool) -> None:
    """The payment that completed this order is gone. Quiet where it was another, or the order is refunded."""
    order = _lock(order_id)
    if order and order.status == models.Order.Status.COMPLETE and order.payment_id == payment_id:
        order.refund(relist=relist)
        _say(events.OrderRefunded, order)


@transaction.atomic
def expire_orders(*, most: int = 100) -> int:
    """End up to `most` unpaid orders whose window is over by the database's clock; says how many there were."""
    overdue = list(
        models.Order.objects.unpaid()
        .filter(expires_at__lte=Now())
        .order_by("expires_at")
        .select_for_update(skip_locked=True)[:most]
    )
    for order in overdue:
        order.expire()
        _say(events.OrderExpired, order)
    return len(overdue)


def _demand_room_for(user_id: uuid.UUID, most_unpaid: int) -> None:
    """One order of a user is counted at a time: two at once cannot both be the last one allowed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"unpaid orders of {user_id}"])
    if models.Order.objects.unpaid().filter(user_id=user_id).count() >= most_unpaid:
        raise models.TooManyReservations(most_unpaid)


def _lock(order_id: uuid.UUID) -> models.Order | None:
    return models.Order.objects.locked().filter(id=order_id).first()


def _cancel(order: models.Order, *, reason: str) -> None:
    order.cancel(reason=reason)
    _say(events.OrderCancelled, order)


def _refuse_payment(order_id: uuid.UUID, payment_id: uuid.UUID, reason: str) -> None:
    outbox.publish(events.PaymentRefused(order_id=order_id, payment_id=payment_id, reason=reason))


def _say(event: type[events.OrderEvent], order: models.Order) -> None:
    outbox.publish(msgspec.convert(order, event, from_attributes=True))
