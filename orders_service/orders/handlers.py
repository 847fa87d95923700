"""What orders hears: tickets (kept as a copy; a reservation confirms an order), payments, and bans."""

import datetime as dt

from orders_service.orders import commands
from shared.contracts import payments, tickets, users


def ticket_changed(event: tickets.TicketEvent, *, now: dt.datetime) -> None:
    commands.keep_ticket(ticket=event)
    if event.status == "reserved" and event.order_id:
        commands.confirm_order(order_id=event.order_id)


def reservation_refused(event: tickets.ReservationRefused, *, now: dt.datetime) -> None:
    commands.refuse_order(order_id=event.order_id, reason=event.reason)


def payment_changed(event: payments.PaymentEvent, *, now: dt.datetime) -> None:
    """By the state and not by the type: a snapshot says as much as all that was said before it."""
    match event.status:
        case "authorized":
            commands.complete_order(
                order_id=event.order_id,
                payment_id=event.id,
                amount_minor=event.amount_minor,
                currency=event.currency,
                now=now,
            )
        case "voided" | "failed":
            commands.refund_order(order_id=event.order_id, payment_id=event.id, relist=True)
        case "refunded":
            commands.refund_order(order_id=event.order_id, payment_id=event.id, relist=event.relist is not False)


def buyer_changed(event: users.UserEvent, *, now: dt.datetime) -> None:
    """By the state and not by the type: the ban itself may have been missed."""
    if not event.active:
        commands.cancel_unpaid_orders(user_id=event.id, reason="buyer_barred")


HANDLERS = {
    tickets.TicketCreated: ticket_changed,
    tickets.TicketUpdated: ticket_changed,
    tickets.TicketWithdrawn: ticket_changed,
    tickets.TicketReserved: ticket_changed,
    tickets.TicketReleased: ticket_changed,
    tickets.TicketSold: ticket_changed,
    tickets.TicketSnapshot: ticket_changed,
    tickets.ReservationRefused: reservation_refused,
    payments.PaymentAuthorized: payment_changed,
    payments.PaymentCaptured: payment_changed,
    payments.PaymentDeclined: payment_changed,
    payments.PaymentVoided: payment_changed,
    payments.PaymentFailed: payment_changed,
    payments.PaymentRefunded: payment_changed,
    payments.PaymentSnapshot: payment_changed,
    users.UserRegistered: buyer_changed,
    users.UserUpdated: buyer_changed,
    users.UserBanned: buyer_changed,
    users.UserReinstated: buyer_changed,
    users.UserClosed: buyer_changed,
    users.UserSnapshot: buyer_changed,
}
