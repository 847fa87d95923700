"""What a payment provider does for us. Every call names our own payment id, so asking twice is asking once."""

import datetime as dt
import enum
import uuid
from typing import Protocol

PATIENCE = dt.timedelta(seconds=10)
"""Longer than any call to a provider may take: after it none is under way."""


class NoAnswer(Exception):
    """The provider did not answer in time: whether it did its part is not known."""


class CalledInTransaction(RuntimeError):
    """A provider may take seconds; no row is locked for that long."""


class Answer(enum.Enum):
    """What a provider has said about an authorization."""

    AUTHORIZED = "authorized"
    DECLINED = "declined"
    NEVER_HEARD_OF = "never heard of"


class Provider(Protocol):
    def authorize(self, *, payment_id: uuid.UUID, amount_minor: int, currency: str, token: str) -> tuple[Answer, str]:
        """Promise the money: AUTHORIZED or DECLINED, and the provider's reason ("" where it gives none)."""

    def look_up(self, *, payment_id: uuid.UUID) -> tuple[Answer, str]:
        """What was said before about this payment, with its reason. Raises `NoAnswer`."""

    def capture(self, *, payment_id: uuid.UUID) -> bool:
        """Take the promised money; False where the promise has lapsed for good. Raises `NoAnswer`."""

    def void(self, *, payment_id: uuid.UUID) -> None:
        """Let the money go; a payment never heard of can then no longer be authorized. Raises `NoAnswer`."""
