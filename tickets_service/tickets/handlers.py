"""What tickets hears: orders, whose state decides who holds which ticket, and bans."""

import datetime as dt

from shared.contracts import orders, users
from tickets_service.tickets import commands


def order_changed(event: orders.OrderEvent, *, now: dt.datetime) -> None:
    """By the state and not by the type: a snapshot, or the one event that came through, says as much as all of them."""
    ticket_id, order_id = event.ticket_id, event.id
    match event.status:
        case "created":
            commands.reserve_ticket(
                ticket_id=ticket_id,
                order_id=order_id,
                amount_minor=event.amount_minor,
                currency=event.currency,
                now=now,
            )
        case "cancelled" | "expired":
            commands.release_ticket(ticket_id=ticket_id, order_id=order_id, now=now)
        case "complete":
            commands.sell_ticket(ticket_id=ticket_id, order_id=order_id, now=now)
        case "refunded":
            relist = event.relist is not False
            commands.return_ticket(ticket_id=ticket_id, order_id=order_id, relist=relist, now=now)


def seller_changed(event: users.UserEvent, *, now: dt.datetime) -> None:
    """By the state and not by the type: the ban itself may have been missed."""
    if not event.active:
        commands.withdraw_offers(user_id=event.id, now=now)


HANDLERS = {
    orders.OrderCreated: order_changed,
    orders.OrderConfirmed: order_changed,
    orders.OrderCancelled: order_changed,
    orders.OrderExpired: order_changed,
    orders.OrderCompleted: order_changed,
    orders.OrderRefunded: order_changed,
    orders.OrderSnapshot: order_changed,
    users.UserRegistered: seller_changed,
    users.UserUpdated: seller_changed,
    users.UserBanned: seller_changed,
    users.UserReinstated: seller_changed,
    users.UserClosed: seller_changed,
    users.UserSnapshot: seller_changed,
}
