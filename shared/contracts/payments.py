"""What payments says: what the provider has promised, taken, let go or given back."""

import datetime as dt
import uuid
from typing import ClassVar

from shared.contracts import events

SOURCE = "/payments"


class _Payment(events.StateEvent, frozen=True, kw_only=True, rename="camel"):
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


class PaymentAuthorized(_Payment, frozen=True, kw_only=True, rename="camel"):
    TYPE: ClassVar[str] = "payment.authorized"


class PaymentCaptured(_Payment, frozen=True, kw_only=True, rename="camel"):
    TYPE: ClassVar[str] = "payment.captured"


class PaymentVoided(_Payment, frozen=True, kw_only=True, rename="camel"):
    TYPE: ClassVar[str] = "payment.voided"


class PaymentFailed(_Payment, frozen=True, kw_only=True, rename="camel"):
    TYPE: ClassVar[str] = "payment.failed"


class PaymentDeclined(_Payment, frozen=True, kw_only=True, rename="camel"):
    TYPE: ClassVar[str] = "payment.declined"


class PaymentRefunded(_Payment, frozen=True, kw_only=True, rename="camel"):
    TYPE: ClassVar[str] = "payment.refunded"


EVENTS = (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentVoided,
    PaymentFailed,
    PaymentDeclined,
    PaymentRefunded,
)
