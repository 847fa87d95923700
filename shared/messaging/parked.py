"""What could not be applied: put aside with its error, tried again when somebody asks, or given up with a reason."""

import contextlib
import datetime as dt
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from shared import clock
from shared.contracts import envelope as envelopes
from shared.contracts import redaction, registry
from shared.messaging import apply, models

UNREADABLE = "unreadable"
"""What stands for the type of bytes that are no event."""

TOLD: Mapping[str, str] = {
    models.Outcome.APPLIED: "applied",
    models.Outcome.STALE: "outdated by something newer, nothing left to do",
    models.Outcome.IGNORED: "recorded, nobody here subscribes to it",
    models.Outcome.PARKED: "failed again, still parked",
    apply.DUPLICATE: "known already, nothing left to do",
}
"""What is said of each outcome of a retry."""

_UNREADABLE = uuid.UUID("8f4bd3a2-6a0b-4f5c-9d0e-5b8a1f4c7e21")
_LONGEST = 2000
_HOLDING = """
SELECT * FROM messaging_parkedmessage
WHERE (starts_with(type, %s) OR type = %s)
  AND EXISTS (SELECT 1 FROM unnest(%s::bytea[]) AS trace WHERE position(trace IN body) > 0)
FOR UPDATE
"""


class NotGenuine(ValueError):
    """Whoever sent these bytes may not say what they turn out to be."""


def park(envelope: envelopes.Envelope, body: bytes, *, consumer: str, error: BaseException) -> None:
    """Put a message aside that its handlers could not apply. Its inbox row keeps it from coming again."""
    with transaction.atomic():
        if apply.record(envelope, consumer=consumer, outcome=models.Outcome.PARKED):
            _keep(envelope.id, body, consumer=consumer, error=error, source=envelope.source, type=envelope.type)
            _redact_if_closed(envelope)


def park_unreadable(body: bytes, *, consumer: str, sender: str | None, error: BaseException) -> None:
    """Put bytes aside that are no event; the same bytes are kept once. `sender` is the broker's word, if it has one."""
    source = f"/{sender}"[:50] if sender else ""
    _keep(uuid.uuid5(_UNREADABLE, body.hex()), body, consumer=consumer, error=error, source=source, type=UNREADABLE)


def waiting(messages: QuerySet[models.ParkedMessage] | None = None) -> QuerySet[models.ParkedMessage]:
    """Those of `messages` (of all) that wait for a decision, without what is large in them.

    The least tried come first, so that a retry of many that is cut short gets to each of them in the end.
    """
    chosen = models.ParkedMessage.objects.all() if messages is None else messages
    parked = chosen.filter(state=models.ParkedMessage.State.PARKED)
    return parked.defer("body", "traceback").order_by("attempts", "id")


@transaction.atomic
def retry(*, parked_id: int, now: dt.datetime) -> str:
    """Apply a parked message as if it had just come.

    Returns what became of it, as `apply.apply` does; Outcome.PARKED where it failed again, then with its new error.
    Raises models.NotParked.
    """
    message = models.ParkedMessage.objects.select_for_update().get(id=parked_id)
    try:
        with transaction.atomic():
            message.succeed(now=now)
            return _apply_afresh(message, now=now)
    except models.NotParked:
        raise
    except Exception as error:  # whatever its handler raises is what there is to see
        message.refresh_from_db()
        message.fail_again(**_told(error), now=now)
        return models.Outcome.PARKED


def retry_each(
    messages: Iterable[models.ParkedMessage], *, record: Callable[[models.ParkedMessage, str], object] | None = None
) -> Iterator[tuple[models.ParkedMessage, str]]:
    """Retry them one by one, as far as the caller iterates, each in a transaction of its own, which `record` shares.

    Yields each with what `retry` returned; passes over what somebody else has closed meanwhile.
    """
    for message in messages:
        with contextlib.suppress(models.NotParked):
            with transaction.atomic():
                outcome = retry(parked_id=message.pk, now=clock.now())
                if record is not None:
                    record(message, outcome)
            yield message, outcome


@transaction.atomic
def discard(*, parked_id: int, reason: str, now: dt.datetime) -> None:
    """Give a parked message up; the row stays, with the reason. Raises models.NotParked and models.NoReason."""
    models.ParkedMessage.objects.select_for_update().get(id=parked_id).discard(reason=reason, now=now)


def discard_each(
    messages: Iterable[models.ParkedMessage],
    *,
    reason: str,
    record: Callable[[models.ParkedMessage], object] | None = None,
) -> Iterator[models.ParkedMessage]:
    """Discard them one by one, each in a transaction of its own, which `record` shares.

    Yields those that were not closed by somebody else meanwhile. Raises models.NoReason.
    """
    for message in messages:
        with contextlib.suppress(models.NotParked):
            with transaction.atomic():
                discard(parked_id=message.pk, reason=reason, now=clock.now())
                if record is not None:
                    record(message)
            yield message


def redact(*, aggregate: str, subject: str, address: str | None) -> None:
    """Take the personal members out of what was put aside of an aggregate, whatever became of it; it can be retried.

    What cannot be read, and holds the id of the aggregate or the `address` of its owner, is emptied.
    """
    traces = [text.encode() for text in (subject, address) if text]
    found = models.ParkedMessage.objects.raw(_HOLDING, [f"{aggregate}.", UNREADABLE, traces])
    for message in found:
        body = _redacted(bytes(message.body), aggregate=aggregate, subject=subject)
        if body is not None:
            # Where the address stands in the place of something else, nothing can be kept.
            message.redact(body=b"" if address and address.encode() in body else body)


def alarm() -> str | None:
    """What an operator is to be told once MESSAGING_PARKED_ALARM messages are parked."""
    count = waiting().count()
    if not count or count < settings.MESSAGING_PARKED_ALARM:
        return None
    what = "1 parked message" if count == 1 else f"{count} parked messages"
    return f"{what}, look at /admin/{settings.SERVICE}/messaging/parkedmessage/?state__exact=parked"


def _redacted(body: bytes, *, aggregate: str, subject: str) -> bytes | None:
    """The message without what is personal, or nothing of what is no event; None where it tells of something else."""
    try:
        envelope = envelopes.decode(body)
    except envelopes.Malformed:
        return b""
    if (redaction.aggregate_of(envelope), envelope.subject) != (aggregate, subject):
        return None
    return envelopes.encode(redaction.redacted(envelope))


def _redact_if_closed(envelope: envelopes.Envelope) -> None:
    """What comes late, after its aggregate was closed, brings nothing personal back."""
    aggregate = redaction.aggregate_of(envelope)
    if aggregate not in redaction.PERSONAL:
        return
    # Locked: what is being closed at this moment is closed when the row can be read.
    known = models.Heard.objects.select_for_update().filter(aggregate=aggregate, aggregate_id=envelope.subject).first()
    if known and known.status == redaction.CLOSED:
        redact(aggregate=aggregate, subject=envelope.subject, address=None)


def _apply_afresh(message: models.ParkedMessage, *, now: dt.datetime) -> str:
    envelope = envelopes.decode(bytes(message.body))
    # What was not readable when it came was not checked then.
    if not message.source == envelope.source == registry.SOURCE_OF_TYPE.get(envelope.type, envelope.source):
        raise NotGenuine(f"{message.source or 'nobody we know'} may not say {envelope.type} of {envelope.source}")
    models.InboxEvent.objects.filter(consumer=message.consumer, event_id=message.event_id).delete()
    return apply.apply(envelope, consumer=message.consumer, now=now)


def _keep(event_id: uuid.UUID, body: bytes, *, consumer: str, error: BaseException, source: str, type: str) -> None:
    message = models.ParkedMessage(consumer=consumer, event_id=event_id, source=source, type=type, body=body)
    message.error, message.traceback = _told(error).values()
    models.ParkedMessage.objects.bulk_create([message], ignore_conflicts=True)


def _told(error: BaseException) -> dict[str, str]:
    """The error and its traceback as text that PostgreSQL can keep, and that a page can show."""
    lines = traceback.format_exception(error)
    return {"error": _text(repr(error)), "traceback": "".join(_text(line) for line in lines)}


def _text(text: str) -> str:
    """No NUL, no lone surrogates, and not the whole of a payload that an error quotes."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return cut.replace("\x00", "\\0").encode(errors="replace").decode()
