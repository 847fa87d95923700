"""A provider that takes no money: deterministic by token, with books of its own that are only ever added to.

| token | what happens |
|---|---|
| `tok_visa` | authorized, captured |
| `tok_chargeDeclined` | declined |
| `tok_slow` | authorized after a second |
| `tok_timeout` | authorized, but the answer is lost |
| `tok_unreachable` | the request is lost: never authorized |
| `tok_captureLapses` | authorized; the capture is refused |
| anything else | declined |
"""

import time
import uuid

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from payments_service.payments import models
from payments_service.payments.providers import port

Kind = models.SandboxEntry.Kind

DECLINED_TOKENS = {"tok_chargeDeclined": "insufficient_funds"}
AUTHORIZED_TOKENS = ("tok_visa", "tok_slow", "tok_timeout", "tok_captureLapses")
SLOW_SECONDS = 1.0


class Sandbox:
    def authorize(
        self, *, payment_id: uuid.UUID, amount_minor: int, currency: str, token: str
    ) -> tuple[port.Answer, str]:
        if token == "tok_unreachable":
            raise port.NoAnswer("the request was lost")
        if token == "tok_slow":
            time.sleep(SLOW_SECONDS)
        authorized = token in AUTHORIZED_TOKENS and not self._has(payment_id, Kind.VOIDED)
        self._record(
            payment_id,
            Kind.AUTHORIZED if authorized else Kind.DECLINED,
            amount_minor=amount_minor,
            currency=currency,
            reason=token if authorized else DECLINED_TOKENS.get(token, "unknown_token"),
        )
        if token == "tok_timeout":
            raise port.NoAnswer("the answer was lost")
        return self.look_up(payment_id=payment_id)

    def look_up(self, *, payment_id: uuid.UUID) -> tuple[port.Answer, str]:
        entry = self._entries(payment_id, Kind.AUTHORIZED, Kind.DECLINED).first()
        if entry is None:
            return port.Answer.NEVER_HEARD_OF, ""
        if entry.kind == Kind.AUTHORIZED:
            return port.Answer.AUTHORIZED, ""
        return port.Answer.DECLINED, entry.reason

    def capture(self, *, payment_id: uuid.UUID) -> bool:
        authorization = self._entries(payment_id, Kind.AUTHORIZED).get()
        lapses = authorization.reason == "tok_captureLapses"
        self._record(
            payment_id,
            Kind.LAPSED if lapses else Kind.CAPTURED,
            amount_minor=authorization.amount_minor,
            currency=authorization.currency,
        )
        return self._has(payment_id, Kind.CAPTURED)

    def void(self, *, payment_id: uuid.UUID) -> None:
        authorization = self._entries(payment_id, Kind.AUTHORIZED).first()
        self._record(
            payment_id,
            Kind.VOIDED,
            amount_minor=authorization.amount_minor if authorization else 0,
            currency=authorization.currency if authorization else "",
        )

    @staticmethod
    def _entries(payment_id: uuid.UUID, *kinds: Kind) -> QuerySet[models.SandboxEntry]:
        return models.SandboxEntry.objects.filter(payment_id=payment_id, kind__in=kinds)

    def _has(self, payment_id: uuid.UUID, kind: Kind) -> bool:
        return self._entries(payment_id, kind).exists()

    @staticmethod
    def _record(payment_id: uuid.UUID, kind: Kind, *, amount_minor: int, currency: str, reason: str = "") -> None:
        """Add a line unless its like, or its opposite, stands there already: the books' own constraints decide."""
        entry = models.SandboxEntry(
            payment_id=payment_id, kind=kind, amount_minor=amount_minor, currency=currency, reason=reason
        )
        try:
            with transaction.atomic():
                entry.save(force_insert=True)
        except IntegrityError as error:
            if "sandbox_" not in str(error):
                raise
