"""What orders says: who wants which ticket at which price, and what became of it."""

import datetime as dt
import uuid
from typing import ClassVar

from shared.contracts import events

SOURCE = "/orders"


class OrderEvent(events.StateEvent, frozen=True, kw_only=True, rename="camel"):
    SOURCE: ClassVar[str] = SOURCE

    id: uuid.UUID
    user_id: uuid.UUID
    status: str
    ticket_id: uuid.UUID
    ticket_version: int
    ticket_title: str
    amount_minor: int
    currency: str
    created_at: dt.datetime
    expires_at: dt.datetime
    payment_id: uuid.UUID | None = None
    reason: str | None = None
    relist: bool | None = None


class OrderCreated(OrderEvent, frozen=True, kw_only=True, rename="camel"):
    """A buyer claims a ticket at its present price; the time to pay runs."""

    TYPE: ClassVar[str] = "order.created"


class OrderConfirmed(OrderEvent, frozen=True, kw_only=True, rename="camel"):
    """The ticket is held for this order, which can be paid now."""

    TYPE: ClassVar[str] = "order.confirmed"


class OrderCancelled(OrderEvent, frozen=True, kw_only=True, rename="camel"):
    """Given up by the buyer, refused by tickets, or ended by a ban: `reason` says which."""

    TYPE: ClassVar[str] = "order.cancelled"


class OrderExpired(OrderEvent, frozen=True, kw_only=True, rename="camel"):
    """The time to pay is over."""

    TYPE: ClassVar[str] = "order.expired"


class OrderCompleted(OrderEvent, frozen=True, kw_only=True, rename="camel"):
    """Paid, by the payment it names: the ticket is the buyer's."""

    TYPE: ClassVar[str] = "order.completed"


class OrderRefunded(OrderEvent, frozen=True, kw_only=True, rename="camel"):
    """The payment that completed it is gone; `relist` says whether the ticket goes on sale again."""

    TYPE: ClassVar[str] = "order.refunded"


class OrderSnapshot(OrderEvent, frozen=True, kw_only=True, rename="camel"):
    """The whole order as it stands: what older events of the log would have told, or a restored service says anew."""

    TYPE: ClassVar[str] = "order.snapshot"


class PaymentRefused(events.Event, frozen=True, kw_only=True, rename="camel"):
    """A verdict on a payment: its order can no longer be completed by it."""

    TYPE: ClassVar[str] = "order.payment_refused"
    SOURCE: ClassVar[str] = SOURCE

    order_id: uuid.UUID
    payment_id: uuid.UUID
    reason: str

    @property
    def subject(self) -> str:
        return str(self.order_id)


EVENTS = (
    OrderCreated,
    OrderConfirmed,
    OrderCancelled,
    OrderExpired,
    OrderCompleted,
    OrderRefunded,
    OrderSnapshot,
    PaymentRefused,
)
