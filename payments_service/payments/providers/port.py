"""What a payment provider does for us. Every call names our own payment id, so asking twice is asking once."""

import datetime as dt
import enum
import uuid
from contextlib import AbstractContextManager
from typing import Protocol

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from shared import spans

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


def current() -> Provider:
    """The provider that PAYMENT_PROVIDER names. Raises `CalledInTransaction` where a transaction is open."""
    if connection.in_atomic_block:
        raise CalledInTransaction("end the transaction before asking the payment provider")
    provider: Provider = import_string(settings.PAYMENT_PROVIDER)()
    return _Told(provider)


class _Told:
    """A provider whose calls are told as steps of the trace: which call of whom for which payment, and no more."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def authorize(self, *, payment_id: uuid.UUID, amount_minor: int, currency: str, token: str) -> tuple[Answer, str]:
        with self._calling("authorize", payment_id):
            return self._provider.authorize(
                payment_id=payment_id, amount_minor=amount_minor, currency=currency, token=token
            )

    def look_up(self, *, payment_id: uuid.UUID) -> tuple[Answer, str]:
        with self._calling("look_up", payment_id):
            return self._provider.look_up(payment_id=payment_id)

    def capture(self, *, payment_id: uuid.UUID) -> bool:
        with self._calling("capture", payment_id):
            return self._provider.capture(payment_id=payment_id)

    def void(self, *, payment_id: uuid.UUID) -> None:
        with self._calling("void", payment_id):
            self._provider.void(payment_id=payment_id)

    def _calling(self, call: str, payment_id: uuid.UUID) -> AbstractContextManager[spans.Span]:
        peer = type(self._provider).__name__.lower()
        about = {"peer.service": peer, "admit_one.payment_id": str(payment_id)}
        return spans.span(f"{call} {peer}", spans.Kind.CLIENT, about)
