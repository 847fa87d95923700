"""Which types exist, who may say them, and how a schema is named."""

from shared.contracts import events, orders, payments, tickets, users

EVENTS: tuple[type[events.Event], ...] = (*users.EVENTS, *tickets.EVENTS, *orders.EVENTS, *payments.EVENTS)

SERVICE_OF_SOURCE = {
    users.SOURCE: "auth",
    tickets.SOURCE: "tickets",
    orders.SOURCE: "orders",
    payments.SOURCE: "payments",
}
SOURCE_OF_TYPE = {event.TYPE: event.SOURCE for event in EVENTS}

_BY_NAME = {(event.TYPE, event.SCHEMA): event for event in EVENTS}


def find(type_: str, schema: int) -> type[events.Event] | None:
    """The class of an event by its type and schema version, or None where this release does not know it."""
    return _BY_NAME.get((type_, schema))
