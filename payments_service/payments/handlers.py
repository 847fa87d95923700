"""What payments hears: orders (kept as a copy, whose state decides about a payment), refusals, and closings."""

import datetime as dt

from payments_service.payments import commands
from shared.contracts import orders, users


def order_changed(event: orders.OrderEvent, *, now: dt.datetime) -> None:
    commands.keep_order(order=event, now=now)


def payment_refused(event: orders.PaymentRefused, *, now: dt.datetime) -> None:
    commands.refuse_payment(payment_id=event.payment_id, now=now)


def payer_changed(event: users.UserEvent, *, now: dt.datetime) -> None:
    """By the state and not by the type: the closing itself may have been missed."""
    if event.status == "closed":
        commands.forget_payer(user_id=event.id)


HANDLERS = {
    orders.OrderCreated: order_changed,
    orders.OrderConfirmed: order_changed,
    orders.OrderCancelled: order_changed,
    orders.OrderExpired: order_changed,
    orders.OrderCompleted: order_changed,
    orders.OrderRefunded: order_changed,
    orders.OrderSnapshot: order_changed,
    orders.PaymentRefused: payment_refused,
    users.UserRegistered: payer_changed,
    users.UserUpdated: payer_changed,
    users.UserBanned: payer_changed,
    users.UserReinstated: payer_changed,
    users.UserClosed: payer_changed,
    users.UserSnapshot: payer_changed,
}
