"""What payments hears: orders (kept as a copy, whose state decides what becomes of a payment) and their refusals."""

import datetime as dt

from payments_service.payments import commands
from shared.contracts import orders


def order_changed(event: orders.OrderEvent, *, now: dt.datetime) -> None:
    commands.keep_order(order=event, now=now)


def payment_refused(event: orders.PaymentRefused, *, now: dt.datetime) -> None:
    commands.refuse_payment(payment_id=event.payment_id, now=now)


HANDLERS = {
    orders.OrderCreated: order_changed,
    orders.OrderConfirmed: order_changed,
    orders.OrderCancelled: order_changed,
    orders.OrderExpired: order_changed,
    orders.OrderCompleted: order_changed,
    orders.OrderRefunded: order_changed,
    orders.OrderSnapshot: order_changed,
    orders.PaymentRefused: payment_refused,
}
