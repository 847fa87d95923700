"""The handlers of these tests and the events they hear. They write down what they did in a table of their own."""

import datetime as dt
import uuid
from collections.abc import Iterable

import msgspec
from django.db import connection

from shared import ids
from shared.contracts import envelope as envelopes
from shared.contracts import events, orders, tickets
from shared.messaging import notices, subscriptions
from shared.messaging.brokers import port

NOW = dt.datetime(2026, 11, 24, 20, 0, tzinfo=dt.UTC)

refused: set[str] = set()
"""Titles at which the handler raises, as if it had a bug."""


class Refused(ValueError):
    """The handler met a title it was told to refuse."""


def prepare() -> None:
    refused.clear()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS stage_effect (what text, version bigint, note text)")
        cursor.execute("TRUNCATE stage_effect")


def note(what: object, version: int, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO stage_effect VALUES (%s, %s, %s)", (str(what), version, text))


def effects(*, order: str = "ctid") -> list[tuple[str, int]]:
    """What the handlers have done: which aggregate, which version."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT what, version FROM stage_effect ORDER BY {order}")
        return list(cursor.fetchall())


def ticket_changed(event: tickets.TicketEvent, *, now: dt.datetime) -> None:
    note(event.id, event.version, event.title)
    if event.title in refused:
        raise Refused(event.title)


def reservation_refused(event: tickets.ReservationRefused, *, now: dt.datetime) -> None:
    note(event.order_id, 0, event.reason)


def subscriptions_anew() -> None:
    """The table of subscriptions is read once; a test that has changed HANDLERS wants it read again."""
    subscriptions._table.cache_clear()


HANDLERS = {
    tickets.TicketCreated: ticket_changed,
    tickets.TicketUpdated: ticket_changed,
    tickets.TicketReserved: ticket_changed,
    tickets.ReservationRefused: reservation_refused,
}


def ticket(
    *,
    id: uuid.UUID | None = None,
    version: int = 0,
    title: str = "Hamlet, row F",
    said: type[tickets.TicketEvent] = tickets.TicketUpdated,
) -> tickets.TicketEvent:
    return said(
        id=id or ids.new(),
        version=version,
        user_id=uuid.UUID(int=7),
        status="on_sale",
        order_id=None,
        title=title,
        amount_minor=4200,
        currency="USD",
        description="",
        venue="The Globe",
        starts_at=None,
        category="theatre",
        seat="F 12",
        created_at=NOW,
        updated_at=NOW,
    )


def verdict() -> tickets.ReservationRefused:
    return tickets.ReservationRefused(ticket_id=ids.new(), order_id=ids.new(), reason="sold")


def order(*, id: uuid.UUID | None = None, version: int = 0) -> orders.OrderCreated:
    return orders.OrderCreated(
        id=id or ids.new(),
        version=version,
        user_id=uuid.UUID(int=8),
        status="created",
        ticket_id=uuid.UUID(int=9),
        ticket_version=0,
        ticket_title="Hamlet, row F",
        amount_minor=4200,
        currency="USD",
        created_at=NOW,
        expires_at=NOW + dt.timedelta(minutes=15),
    )


def envelope(event: events.Event, *, position: int = 1, epoch: int = 1) -> envelopes.Envelope:
    return envelopes.Envelope(
        id=ids.new(),
        source=event.SOURCE,
        type=event.TYPE,
        subject=event.subject,
        time=NOW,
        dataschema=envelopes.schema_urn(type(event)),
        logepoch=epoch,
        position=position,
        data=msgspec.Raw(events.to_data(event)),
        aggregateversion=event.aggregate_version,
        requestid="request-7",
    )


def body(event: events.Event, *, position: int = 1, epoch: int = 1) -> bytes:
    return envelopes.encode(envelope(event, position=position, epoch=epoch))


def deliveries(*bodies: bytes, sender: str = "tickets") -> list[port.Delivery]:
    return [port.Delivery(one, sender, handle) for handle, one in enumerate(bodies, start=1)]


def said(bodies: Iterable[port.Delivery]) -> list[envelopes.Envelope]:
    return [envelopes.decode(delivery.body) for delivery in bodies]


def events_in(bodies: Iterable[port.Delivery]) -> list[envelopes.Envelope]:
    """What stands in a log, without what is said about the log."""
    return [envelope for envelope in said(bodies) if not notices.is_notice(envelope)]
