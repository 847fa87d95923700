"""What encore hears: tickets and orders, both kept as copies. Users are heard by `shared.identity`."""

import datetime as dt

from encore_service.encores import commands
from shared.contracts import orders, tickets


def ticket_changed(event: tickets.TicketEvent, *, now: dt.datetime) -> None:
    commands.keep_ticket(ticket=event)


def order_changed(event: orders.OrderEvent, *, now: dt.datetime) -> None:
    """What an order requires of this service is decided here, by `event.status` and never by the event's type: whoever
    joins late, or has missed something, may hear of an order for the first time when it is complete.
    """
    commands.keep_order(order=event)


HANDLERS = {
    tickets.TicketCreated: ticket_changed,
    tickets.TicketUpdated: ticket_changed,
    tickets.TicketWithdrawn: ticket_changed,
    tickets.TicketReserved: ticket_changed,
    tickets.TicketReleased: ticket_changed,
    tickets.TicketSold: ticket_changed,
    tickets.TicketSnapshot: ticket_changed,
    orders.OrderCreated: order_changed,
    orders.OrderConfirmed: order_changed,
    orders.OrderCancelled: order_changed,
    orders.OrderExpired: order_changed,
    orders.OrderCompleted: order_changed,
    orders.OrderRefunded: order_changed,
    orders.OrderSnapshot: order_changed,
}
