"""Hearing one event: once, and only if it is news. The rules are 2, 3 and 4 of the contract's section on events."""

import datetime as dt
import uuid

from django.db import connection, transaction

from shared import tracing
from shared.contracts import envelope as envelopes
from shared.contracts import events, registry
from shared.messaging import hops, models, subscriptions

DUPLICATE = "duplicate"

_FIRST_TIME = """
INSERT INTO messaging_inboxevent (consumer, event_id, source, epoch, position, type, subject, request_id, outcome)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (consumer, event_id) DO NOTHING
"""
_NEWS = """
INSERT INTO messaging_heard AS known (aggregate, aggregate_id, epoch, version, status)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (aggregate, aggregate_id) DO UPDATE
SET epoch = excluded.epoch, version = excluded.version, status = excluded.status
WHERE (known.epoch, known.version) < (excluded.epoch, excluded.version)
"""
_STALE = "UPDATE messaging_inboxevent SET outcome = 'stale' WHERE consumer = %s AND event_id = %s"


def apply(envelope: envelopes.Envelope, *, consumer: str, now: dt.datetime) -> str:
    """Give the event to its handlers, unless it was heard before or is older than what was heard of its aggregate.

    `consumer` is the service that hears, `now` its database's time. Everything happens in one transaction: the
    caller's, or one of its own. Returns an Outcome, or DUPLICATE, which leaves no trace. Raises what the handlers
    raise and msgspec.ValidationError for data that does not fit its schema; then nothing has happened.
    """
    event_type = registry.find(envelope.type, envelope.schema)
    handlers = subscriptions.handlers_of(event_type)
    outcome = models.Outcome.APPLIED if handlers else models.Outcome.IGNORED
    with transaction.atomic(savepoint=False):
        if not record(envelope, consumer=consumer, outcome=outcome):
            return DUPLICATE
        if event_type is None or not handlers:
            return outcome
        event = events.from_data(event_type, envelope.data)
        if not _is_news(event, epoch=envelope.logepoch):
            _execute(_STALE, consumer, envelope.id)
            return models.Outcome.STALE
        origin = tracing.bind(request=envelope.requestid, trace=envelope.traceparent, event=envelope.id)
        with origin, hops.processing(envelope):
            for handler in handlers:
                handler(event, now=now)
    return outcome


def record(envelope: envelopes.Envelope, *, consumer: str, outcome: str) -> bool:
    """Write the inbox row; False where there is one already."""
    place = envelope.source, envelope.logepoch, envelope.position or 0
    about = envelope.type, envelope.subject, envelope.requestid
    return _execute(_FIRST_TIME, consumer, envelope.id, *place, *about, outcome) == 1


def _is_news(event: events.Event, *, epoch: int) -> bool:
    """Whether nothing as new was heard of the aggregate; verdicts change no aggregate and always are."""
    version = event.aggregate_version
    if version is None:
        return True
    return _execute(_NEWS, event.aggregate(), event.subject, epoch, version, event.status) == 1


def _execute(statement: str, *values: str | int | uuid.UUID | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
