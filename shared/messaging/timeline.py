"""The life of one aggregate: what this service has said of it, and what it has heard that led to it."""

import dataclasses
import datetime as dt
import uuid

from django.conf import settings
from django.db.models import Q

from shared.contracts import registry
from shared.messaging import models

MOST = 200
"""Lines of each kind; a life has about ten."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One event. `service` has said it; `outcome` is what became of it, here where it was heard."""

    at: dt.datetime
    service: str
    heard: bool
    type: str
    subject: str
    outcome: str
    event_id: uuid.UUID
    request_id: str | None


def of(subject: uuid.UUID, *, heard: Q | None = None) -> list[Line]:
    """What was said of `subject`, what was heard that made us say it, and what else was `heard`; oldest first.

    What was heard stands before what it led to, though one transaction gives both the same time.
    """
    said = list(models.OutboxEvent.objects.filter(subject=str(subject)).order_by("id")[:MOST])
    concerned = (heard or Q()) | Q(event_id__in=[row.cause_id for row in said if row.cause_id])
    inbox = models.InboxEvent.objects.filter(concerned, consumer=settings.SERVICE).order_by("id")
    causes = {row.event_id: row for row in inbox[:MOST]}
    places = [((row.received_at, row.id, 0), _heard(row)) for row in causes.values()]
    for row in said:
        cause = causes.get(row.cause_id) if row.cause_id else None
        place = (cause.received_at, cause.id, row.id) if cause else (row.occurred_at, 0, row.id)
        places.append((place, _said(row)))
    return [line for _, line in sorted(places, key=lambda one: one[0])]


def _said(row: models.OutboxEvent) -> Line:
    version = "" if row.aggregate_version is None else f", version {row.aggregate_version}"
    return Line(
        at=row.occurred_at,
        service=settings.SERVICE,
        heard=False,
        type=row.type,
        subject=row.subject,
        outcome=("sent" if row.sent_at else "not sent yet") + version,
        event_id=row.event_id,
        request_id=row.request_id,
    )


def _heard(row: models.InboxEvent) -> Line:
    return Line(
        at=row.received_at,
        service=registry.service_of(row.source),
        heard=True,
        type=row.type,
        subject=row.subject,
        outcome=models.Outcome(row.outcome).label,
        event_id=row.event_id,
        request_id=row.request_id,
    )
