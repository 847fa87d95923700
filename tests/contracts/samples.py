"""One believable event of every type: Hamlet, row F, sold by Olivia to Bruno."""

import datetime as dt
import uuid
from typing import Any

from shared.contracts import events, log, orders, payments, registry, tickets, users

MONDAY = dt.datetime(2026, 3, 2, 19, 30, tzinfo=dt.UTC)
OLIVIA, BRUNO, HAMLET, ORDER, PAYMENT, SESSION = (uuid.UUID(int=number) for number in range(1, 7))

MEMBERS: dict[type[events.Event], dict[str, Any]] = {
    users.UserEvent: {
        "id": OLIVIA,
        "email": "olivia@example.com",
        "roles": (),
        "active": True,
        "tokens_valid_after": MONDAY,
        "version": 3,
    },
    users.SessionRevoked: {"id": SESSION, "user_id": OLIVIA, "expires_at": MONDAY},
    users.SigningKeyPublished: {"kid": "k1"},
    users.SigningKeyRetired: {"kid": "k1"},
    tickets.TicketEvent: {
        "id": HAMLET,
        "user_id": OLIVIA,
        "status": "reserved",
        "order_id": ORDER,
        "title": "Hamlet, row F",
        "amount_minor": 1250,
        "currency": "USD",
        "description": "",
        "venue": "The Globe",
        "starts_at": MONDAY,
        "category": "theatre",
        "seat": "F 12",
        "version": 1,
        "created_at": MONDAY,
        "updated_at": MONDAY,
    },
    tickets.ReservationRefused: {"ticket_id": HAMLET, "order_id": ORDER, "reason": "sold"},
    orders.OrderEvent: {
        "id": ORDER,
        "user_id": BRUNO,
        "status": "created",
        "ticket_id": HAMLET,
        "ticket_version": 0,
        "ticket_title": "Hamlet, row F",
        "amount_minor": 1250,
        "currency": "USD",
        "created_at": MONDAY,
        "expires_at": MONDAY + dt.timedelta(minutes=15),
        "version": 0,
    },
    orders.PaymentRefused: {"order_id": ORDER, "payment_id": PAYMENT, "reason": "expired"},
    payments.PaymentEvent: {
        "id": PAYMENT,
        "order_id": ORDER,
        "user_id": BRUNO,
        "status": "authorized",
        "amount_minor": 1250,
        "currency": "USD",
        "created_at": MONDAY,
        "version": 1,
    },
    log.LogPosition: {"epoch": 1, "position": 70},
    log.ReplayRequested: {"epoch": 1, "from_": 12, "to": 40},
    log.ReplayCompleted: {"epoch": 1, "from_": 12, "to": 40, "first_kept": 1, "last_kept": 70, "position": 70},
}


def sample(event: type[events.Event], **changes: Any) -> events.Event:
    """An instance of `event`, with `changes` to its members."""
    base = next(kind for kind in MEMBERS if issubclass(event, kind))
    return event(**MEMBERS[base] | changes)


ALL = [sample(event) for event in registry.TYPES]
