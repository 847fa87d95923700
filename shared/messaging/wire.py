"""Rows of the log as messages: the same bytes whether an event is sent for the first time or told again."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import connection

from shared.contracts import envelope as envelopes
from shared.contracts import registry

COLUMNS = """id, event_id, type, subject, occurred_at, dataschema, epoch, position, data::text,
       aggregate_version, traceparent, request_id"""


class Row(NamedTuple):
    """COLUMNS of a row that has its position."""

    id: int
    event_id: uuid.UUID
    type: str
    subject: str
    occurred_at: dt.datetime
    dataschema: str
    epoch: int
    position: int
    data: str
    aggregate_version: int | None
    traceparent: str | None
    request_id: str | None


def body(row: Row) -> bytes:
    """The event as a message of this service."""
    return said_by(registry.source_of(settings.SERVICE), row)


def said_by(source: str, row: Row) -> bytes:
    """The event as a message from `source`, in whose log the row stands."""
    return envelopes.encode(
        envelopes.Envelope(
            id=row.event_id,
            source=source,
            type=row.type,
            subject=row.subject,
            time=row.occurred_at.astimezone(dt.UTC),
            dataschema=row.dataschema,
            logepoch=row.epoch,
            position=row.position,
            data=msgspec.Raw(row.data.encode()),
            aggregateversion=row.aggregate_version,
            traceparent=row.traceparent,
            requestid=row.request_id,
        )
    )


def rows(found: Sequence[tuple[Any, ...]]) -> list[Row]:
    """What a SELECT of COLUMNS has found."""
    return [Row(*values) for values in found]


def logged(*, epoch: int, first: int, last: int, most: int) -> list[Row]:
    """The first `most` rows that the log still holds of `first` … `last` of an epoch, in order."""
    query = (
        f"SELECT {COLUMNS} FROM messaging_outboxevent"  # noqa: S608 - columns of our own
        " WHERE epoch = %s AND position BETWEEN %s AND %s ORDER BY position LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, (epoch, first, last, most))
        return rows(cursor.fetchall())
