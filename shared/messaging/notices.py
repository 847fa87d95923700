"""What services say about their logs: written as messages here, and taken for what they are when they are heard."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection

from shared import ids
from shared.contracts import envelope as envelopes
from shared.contracts import events, log, registry
from shared.messaging import progress

# No further than the log reaches now (LEAST takes no notice of a null: another epoch's end stands as asked). What is
# said meanwhile comes by itself, and an answer that ran after it would never be complete.
_REQUESTED = """
INSERT INTO messaging_replayrequest AS request (asker, epoch, first, next, last)
SELECT asked.asker, asked.epoch, asked.first, asked.first, greatest(asked.first, least(asked.last, own.position))
FROM (VALUES (%s, %s, %s, %s)) AS asked (asker, epoch, first, last)
LEFT JOIN messaging_log AS own ON own.epoch = asked.epoch
ON CONFLICT (asker, epoch) DO UPDATE
SET first = least(request.first, excluded.first), next = least(request.next, excluded.next),
    last = greatest(request.last, excluded.last)
"""


def body(notice: log.Notice, *, epoch: int, now: dt.datetime) -> bytes:
    """The notice as a message of this service, whose log is in `epoch`."""
    return envelopes.encode(
        envelopes.Envelope(
            id=ids.new(),
            source=registry.source_of(settings.SERVICE),
            type=notice.TYPE,
            subject=notice.subject,
            time=now.astimezone(dt.UTC),
            dataschema=envelopes.schema_urn(type(notice)),
            logepoch=epoch,
            data=msgspec.Raw(events.to_data(notice)),
        )
    )


def is_notice(envelope: envelopes.Envelope) -> bool:
    """Whether this stands in no log. An event of ours without a position is none: it is malformed."""
    return envelope.position is None and envelope.type not in registry.SOURCE_OF_TYPE


def hear(envelope: envelopes.Envelope) -> bool:
    """Take a notice in; False for one of a type or version that this release does not know.

    Raises msgspec.ValidationError for data that does not fit its schema, ValueError for numbers that make no sense.
    """
    kind = registry.find(envelope.type, envelope.schema)
    if kind is None or kind not in _HEARD:
        return False
    _HEARD[kind](envelope, events.from_data(kind, envelope.data))
    return True


def _position(envelope: envelopes.Envelope, said: log.LogPosition) -> None:
    _demand_sense(said.epoch, said.position + 1)
    if _is_followed(envelope):
        progress.tell(source=envelope.source, epoch=said.epoch, position=said.position, said_at=envelope.time)


def _requested(envelope: envelopes.Envelope, said: log.ReplayRequested) -> None:
    _demand_sense(said.epoch, said.from_, said.to)
    with connection.cursor() as cursor:
        asker = registry.service_of(envelope.source)
        cursor.execute(_REQUESTED, (asker, said.epoch, said.from_, said.to))


def _completed(envelope: envelopes.Envelope, said: log.ReplayCompleted) -> None:
    _demand_sense(said.epoch, said.first_kept, said.last_kept + 1, said.position + 1)
    if _is_followed(envelope):
        progress.settle(
            source=envelope.source,
            epoch=said.epoch,
            first_kept=said.first_kept,
            last_kept=said.last_kept,
            current_epoch=envelope.logepoch,
            position=said.position,
            said_at=envelope.time,
        )


def _is_followed(envelope: envelopes.Envelope) -> bool:
    return envelope.source in progress.sources()


def _demand_sense(*numbers: int) -> None:
    """Epochs and positions count from one, and have to fit their columns."""
    if not all(0 < number < 2**31 for number in numbers[:1]) or not all(0 < number < 2**62 for number in numbers):
        raise ValueError(f"epoch or position out of range: {numbers}")


_HEARD: dict[type[events.Event], Callable[[envelopes.Envelope, Any], None]] = {
    log.LogPosition: _position,
    log.ReplayRequested: _requested,
    log.ReplayCompleted: _completed,
}
