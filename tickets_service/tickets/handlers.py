"""What tickets hears: orders, whose state decides who holds which ticket, and bans."""

import datetime as dt

from shared.contracts import orders, users
from tickets_service.tickets import commands


def order_created(event: orders.OrderCreated, *, now: dt.datetime) -> None:
    commands.reserve_ticket(
        ticket_id=event.ticket_id,
        order_id=event.id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        now=now,
    )


def order_confirmed(event: orders.OrderConfirmed, *, now: dt.datetime) -> None:
    """Nothing to do: the ticket is held. Heard all the same, so that nothing older is acted upon after it."""


def order_ended(event: orders.OrderCancelled | orders.OrderExpired, *, now: dt.datetime) -> None:
    commands.release_ticket(ticket_id=event.ticket_id, order_id=event.id, now=now)


def order_completed(event: orders.OrderCompleted, *, now: dt.datetime) -> None:
    commands.sell_ticket(ticket_id=event.ticket_id, order_id=event.id, now=now)


def order_refunded(event: orders.OrderRefunded, *, now: dt.datetime) -> None:
    commands.return_ticket(ticket_id=event.ticket_id, order_id=event.id, relist=event.relist is not False, now=now)


def seller_changed(event: users.UserEvent, *, now: dt.datetime) -> None:
    """By the state and not by the type: the ban itself may have been missed."""
    if not event.active:
        commands.withdraw_offers(user_id=event.id, now=now)


HANDLERS = {
    orders.OrderCreated: order_created,
    orders.OrderConfirmed: order_confirmed,
    orders.OrderCancelled: order_ended,
    orders.OrderExpired: order_ended,
    orders.OrderCompleted: order_completed,
    orders.OrderRefunded: order_refunded,
    users.UserRegistered: seller_changed,
    users.UserUpdated: seller_changed,
    users.UserBanned: seller_changed,
    users.UserReinstated: seller_changed,
    users.UserClosed: seller_changed,
}
