"""What tickets says: what is offered, reserved, sold, and which reservations it refuses."""

import datetime as dt
import uuid
from typing import ClassVar

from shared.contracts import events

SOURCE = "/tickets"


class TicketEvent(events.StateEvent, frozen=True, kw_only=True, rename="camel"):
    SOURCE: ClassVar[str] = SOURCE

    id: uuid.UUID
    user_id: uuid.UUID
    status: str
    order_id: uuid.UUID | None
    title: str
    amount_minor: int
    currency: str
    description: str
    venue: str
    starts_at: dt.datetime | None
    category: str
    seat: str
    created_at: dt.datetime
    updated_at: dt.datetime


class TicketCreated(TicketEvent, frozen=True, kw_only=True, rename="camel"):
    """Somebody offers a ticket."""

    TYPE: ClassVar[str] = "ticket.created"


class TicketUpdated(TicketEvent, frozen=True, kw_only=True, rename="camel"):
    """The seller has changed the offer."""

    TYPE: ClassVar[str] = "ticket.updated"


class TicketWithdrawn(TicketEvent, frozen=True, kw_only=True, rename="camel"):
    """The offer is taken back, by its seller or because the seller is barred."""

    TYPE: ClassVar[str] = "ticket.withdrawn"


class TicketReserved(TicketEvent, frozen=True, kw_only=True, rename="camel"):
    """The ticket is held for one order until that is paid or comes to nothing."""

    TYPE: ClassVar[str] = "ticket.reserved"


class TicketReleased(TicketEvent, frozen=True, kw_only=True, rename="camel"):
    """The order that had the ticket has ended: on sale again, or withdrawn where the seller is barred."""

    TYPE: ClassVar[str] = "ticket.released"


class TicketSold(TicketEvent, frozen=True, kw_only=True, rename="camel"):
    """The order that held the ticket is paid."""

    TYPE: ClassVar[str] = "ticket.sold"


class TicketSnapshot(TicketEvent, frozen=True, kw_only=True, rename="camel"):
    """The whole ticket as it stands: what older events of the log would have told, or a restored service says anew."""

    TYPE: ClassVar[str] = "ticket.snapshot"


class ReservationRefused(events.Event, frozen=True, kw_only=True, rename="camel"):
    """A verdict on an order: changes no ticket, so it is never judged by a version."""

    TYPE: ClassVar[str] = "ticket.reservation_refused"
    SOURCE: ClassVar[str] = SOURCE

    ticket_id: uuid.UUID
    order_id: uuid.UUID
    reason: str

    @property
    def subject(self) -> str:
        return str(self.order_id)


EVENTS = (
    TicketCreated,
    TicketUpdated,
    TicketWithdrawn,
    TicketReserved,
    TicketReleased,
    TicketSold,
    TicketSnapshot,
    ReservationRefused,
)
