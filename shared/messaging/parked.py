"""What could not be applied: put aside with its error, tried again when somebody asks, or given up with a reason."""

import datetime as dt
import traceback
import uuid

from django.db import transaction

from shared.contracts import envelope as envelopes
from shared.messaging import apply, models

_UNREADABLE = uuid.UUID("8f4bd3a2-6a0b-4f5c-9d0e-5b8a1f4c7e21")


def park(envelope: envelopes.Envelope, body: bytes, *, consumer: str, error: BaseException) -> None:
    """Put a message aside that its handlers could not apply. Its inbox row keeps it from coming again."""
    with transaction.atomic():
        if apply.record(envelope, consumer=consumer, outcome=models.Outcome.PARKED):
            _keep(envelope.id, body, consumer=consumer, error=error, source=envelope.source, type=envelope.type)


def park_unreadable(body: bytes, *, consumer: str, error: BaseException) -> None:
    """Put bytes aside that are no event; the same bytes are kept once."""
    _keep(uuid.uuid5(_UNREADABLE, body.hex()), body, consumer=consumer, error=error, source="", type="")


@transaction.atomic
def retry(*, parked_id: int, now: dt.datetime) -> bool:
    """Apply a parked message as if it had just come; True if that worked. If not, its error is the new one.

    Raises models.NotParked.
    """
    message = models.ParkedMessage.objects.select_for_update().get(id=parked_id)
    try:
        with transaction.atomic():
            message.succeed(now=now)
            _apply_afresh(message, now=now)
    except models.NotParked:
        raise
    except Exception as error:  # whatever its handler raises is what there is to see
        message.refresh_from_db()
        message.fail_again(**_told(error), now=now)
        return False
    return True


@transaction.atomic
def discard(*, parked_id: int, reason: str, now: dt.datetime) -> None:
    """Give a parked message up; the row stays, with the reason. Raises models.NotParked."""
    models.ParkedMessage.objects.select_for_update().get(id=parked_id).discard(reason=reason, now=now)


def _apply_afresh(message: models.ParkedMessage, *, now: dt.datetime) -> None:
    envelope = envelopes.decode(bytes(message.body))
    models.InboxEvent.objects.filter(consumer=message.consumer, event_id=message.event_id).delete()
    apply.apply(envelope, consumer=message.consumer, now=now)


def _keep(event_id: uuid.UUID, body: bytes, *, consumer: str, error: BaseException, source: str, type: str) -> None:
    message = models.ParkedMessage(consumer=consumer, event_id=event_id, source=source, type=type, body=body)
    message.error, message.traceback = _told(error).values()
    models.ParkedMessage.objects.bulk_create([message], ignore_conflicts=True)


def _told(error: BaseException) -> dict[str, str]:
    """The error and its traceback as text that PostgreSQL can keep: no NUL, no lone surrogates."""
    told = {"error": repr(error), "traceback": "".join(traceback.format_exception(error))}
    return {name: text.replace("\x00", "\\0").encode(errors="replace").decode() for name, text in told.items()}
