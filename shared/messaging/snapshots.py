"""Snapshots: the whole of an aggregate, said anew where the log no longer tells of it, or tells of another epoch.

They go through the outbox like every event: they have positions, so one that is lost is a hole like any other. What
there is to say is named by MESSAGING_SNAPSHOTS, a function of the service's queries that gives the rows of its
aggregate and the event that tells the whole of one.
"""

import uuid
from collections.abc import Sequence

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from shared.contracts import events
from shared.messaging import outbox
from shared.messaging.models import Log, OutboxEvent, ReplayRequest

_SUFFIX = ".snapshot"


def are_wanted(request: ReplayRequest, own: Log) -> bool:
    """Whether part of what is asked for is no longer in the log and has not been said anew yet."""
    is_gone = request.epoch < own.epoch or request.next <= own.pruned_to
    return is_gone and not request.snapshots_done


def are_numbered() -> bool:
    """Whether every snapshot has its position, so that the log's last position is not before them."""
    return not OutboxEvent.objects.filter(sent_at=None, position=None, type__endswith=_SUFFIX).exists()


@transaction.atomic
def say_for(request: ReplayRequest, *, own: Log, most: int) -> int:
    """Say the next of the aggregates, `most` at most, that no event of this epoch tells of; how many were said."""
    walked, said = say_next(after=request.snapshots_after, epoch=own.epoch, most=most)
    mine = ReplayRequest.objects.filter(pk=request.pk)
    if walked is None:
        mine.update(snapshots_done=True)
    else:
        mine.update(snapshots_after=walked)
    return said


def say_next(*, after: uuid.UUID | None, epoch: int, most: int) -> tuple[uuid.UUID | None, int]:
    """Say those of the next `most` aggregates after that id of which no event of this epoch tells; in a transaction.

    Where the walk over the aggregates now stands (None: at its end), and how many snapshots were said.
    """
    found = page(after=after, most=most)
    told = _told_of([event.subject for event in found], epoch=epoch)
    fresh = [event for event in found if event.subject not in told]
    for event in fresh:
        outbox.publish(event)
    return (uuid.UUID(found[-1].subject) if found else None), len(fresh)


def _told_of(subjects: Sequence[str], *, epoch: int) -> set[str]:
    """Those of the aggregates of which an event of this epoch tells. What is still unnumbered will be in it."""
    telling = OutboxEvent.objects.filter(subject__in=subjects, aggregate_version__isnull=False)
    return set(telling.exclude(epoch__lt=epoch).values_list("subject", flat=True))


def page(*, after: uuid.UUID | None, most: int) -> list[events.StateEvent]:
    """The next aggregates after that id as they stand, locked, so that the log's order is that of their changes."""
    path = settings.MESSAGING_SNAPSHOTS
    if not path:
        return []
    everything, event = import_string(path)()
    ahead = everything.filter(id__gt=after) if after else everything
    rows = ahead.order_by("id").select_for_update()[:most]
    return [msgspec.convert(row, event, from_attributes=True) for row in rows]
