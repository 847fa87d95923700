"""Which types exist, who may say them, and how a schema is named."""

from shared.contracts import events, log, orders, payments, tickets, users

EVENTS: tuple[type[events.Event], ...] = (*users.EVENTS, *tickets.EVENTS, *orders.EVENTS, *payments.EVENTS)
NOTICES: tuple[type[log.Notice], ...] = log.NOTICES
TYPES: tuple[type[events.Event], ...] = (*EVENTS, *NOTICES)

SOURCE_OF_TYPE = {event.TYPE: event.SOURCE for event in EVENTS}

_BY_NAME = {(event.TYPE, event.SCHEMA): event for event in TYPES}


def source_of(service: str) -> str:
    """The `source` of everything that `service` says."""
    return f"/{service}"


def service_of(source: str) -> str:
    """The service that owns `source`, whether or not this release knows it."""
    return source.removeprefix("/")


def types_of(source: str) -> tuple[str, ...]:
    """All that `source` may say, by type."""
    return tuple(type_ for type_, owner in SOURCE_OF_TYPE.items() if owner == source)


def find(type_: str, schema: int) -> type[events.Event] | None:
    """The class of an event or notice by its type and schema version, or None where this release does not know it."""
    return _BY_NAME.get((type_, schema))
