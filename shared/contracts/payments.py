"""What payments says: what the provider has promised, taken, let go or given back."""

import datetime as dt
import uuid
from typing import ClassVar

from shared.contracts import events

SOURCE = "/payments"


class PaymentEvent(events.StateEvent, frozen=True, kw_only=True, rename="camel"):
    SOURCE: ClassVar[str] = SOURCE

    id: uuid.UUID
    order_id: uuid.UUID
    user_id: uuid.UUID
    status: str
    amount_minor: int
    currency: str
    created_at: dt.datetime
    reason: str | None = None
    relist: bool | None = None


class PaymentAuthorized(PaymentEvent, frozen=True, kw_only=True, rename="camel"):
    """The provider has promised the money; orders decides what becomes of it."""

    TYPE: ClassVar[str] = "payment.authorized"


class PaymentCaptured(PaymentEvent, frozen=True, kw_only=True, rename="camel"):
    """The provider has taken the promised money."""

    TYPE: ClassVar[str] = "payment.captured"


class PaymentVoided(PaymentEvent, frozen=True, kw_only=True, rename="camel"):
    """The promise is let go: nothing was taken."""

    TYPE: ClassVar[str] = "payment.voided"


class PaymentFailed(PaymentEvent, frozen=True, kw_only=True, rename="camel"):
    """The promised money could not be taken."""

    TYPE: ClassVar[str] = "payment.failed"


class PaymentDeclined(PaymentEvent, frozen=True, kw_only=True, rename="camel"):
    """The provider has refused."""

    TYPE: ClassVar[str] = "payment.declined"


class PaymentRefunded(PaymentEvent, frozen=True, kw_only=True, rename="camel"):
    """The money was given back; `relist` says whether the ticket goes on sale again."""

    TYPE: ClassVar[str] = "payment.refunded"


class PaymentSnapshot(PaymentEvent, frozen=True, kw_only=True, rename="camel"):
    """The whole payment as it stands: what older events of the log would have told, or a restored service says anew."""

    TYPE: ClassVar[str] = "payment.snapshot"


EVENTS = (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentVoided,
    PaymentFailed,
    PaymentDeclined,
    PaymentRefunded,
    PaymentSnapshot,
)
