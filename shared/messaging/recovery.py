"""Recovery: what a service does that was restored from a dump, until it is abreast of the others again.

Its database is an older state of itself, and the others know newer ones. So it begins an epoch of its log, in which it
is believed although its versions have gone back; asks every producer for all that was said since; refuses writes until
it has heard that; and then tells each of its aggregates anew, so that its listeners follow.
"""

import datetime as dt
import time
import uuid

import structlog
from django.db import transaction
from django.db.models import F

from shared import clock, errors, ids
from shared.contracts import registry
from shared.messaging import progress, snapshots
from shared.messaging.models import Log, OutboxEvent, Progress, ReplayRequest

log = structlog.get_logger(__name__)

_READ_EVERY_SECONDS = 0.5
_BEFORE_ALL = uuid.UUID(int=0)


class EpochNotNew(errors.Conflict):
    code = "epoch_not_new"

    def __init__(self, own: Log) -> None:
        super().__init__(f"The log is in epoch {own.epoch} already; a new one has a higher number.")


class Recovering(errors.Unavailable):
    code = "recovering"
    detail = "The service was restored and is catching up with the others. Reading goes on; try again in a moment."


@transaction.atomic
def begin(*, epoch: int) -> None:
    """Make this database, just restored and used by no process yet, begin `epoch`. Raises EpochNotNew.

    No listener may have heard of that epoch: what it has heard, it does not hear again.
    """
    Log.objects.get_or_create(id=1)
    own = Log.objects.select_for_update().get(id=1)
    if epoch <= own.epoch:
        raise EpochNotNew(own)
    now = clock.now()
    own.epoch, own.position, own.pruned_to = epoch, 0, 0
    own.recovering_since, own.announced_to = now, _BEFORE_ALL
    own.save()
    _rename_unnumbered()
    ReplayRequest.objects.all().delete()
    _forget_what_was_told(now)


def is_under_way() -> bool:
    """Whether this service has not caught up yet: then nothing may be decided by a request or by the clock."""
    return Log.objects.filter(recovering_since__isnull=False).exists()


class _Guard:
    """Asks the database twice a second at most: one that starts asks first, and the end may be learnt late."""

    def __init__(self) -> None:
        self._refuses = False
        self._ask_at = float("-inf")

    def __call__(self) -> None:
        """Raises Recovering while the service may not be written to."""
        if time.monotonic() >= self._ask_at:
            self._refuses = is_under_way()
            self._ask_at = time.monotonic() + _READ_EVERY_SECONDS
        if self._refuses:
            raise Recovering

    def forget(self) -> None:
        """Ask again at the next call."""
        self._ask_at = float("-inf")


refuse_writes = _Guard()


def step(*, most: int) -> str:
    """Do the next of what a recovery takes, telling `most` aggregates at most. What is being done; "" for nothing."""
    own = Log.objects.filter(announced_to__isnull=False).first()
    if own is None:
        return ""
    if own.recovering_since is None:
        return _announce(own, most=most)
    if behind := _behind(since=own.recovering_since):
        return f"recovering: waits for {', '.join(behind)}"
    Log.objects.update(recovering_since=None)
    log.info("recovered", epoch=own.epoch, since=own.recovering_since)
    return "recovered"


@transaction.atomic
def _announce(own: Log, *, most: int) -> str:
    """Tell the next aggregates in the new epoch, and how far that has got: whoever is killed, the next one goes on."""
    walked, _ = snapshots.say_next(after=own.announced_to, epoch=own.epoch, most=most)
    Log.objects.update(announced_to=walked)
    return "announcing"


def _behind(*, since: dt.datetime) -> list[str]:
    """The services that have not spoken since, or have said more than was heard.

    Only the newest epoch of each counts: the rest of an older one is told by a service that has recovered itself,
    and two that recover at once must not wait for each other.
    """
    newest = {row.source: row for row in progress.followed()}
    return [
        registry.service_of(source)
        for source in progress.sources()
        if (row := newest.get(source)) is None or row.heard_at <= since or row.seen_to < row.told
    ]


def _rename_unnumbered() -> None:
    """What had no position yet was sent later, under one that is lost. Under its old id it would count as heard, and
    its new position would be a hole for ever.
    """
    for event in OutboxEvent.objects.filter(position=None).only("event_id").iterator():
        event.event_id = ids.new()
        event.save(update_fields=["event_id"])


def _forget_what_was_told(now: dt.datetime) -> None:
    """What the others have said of their logs is outdated: they are asked anew for all that is not known."""
    for source in progress.sources():
        if not Progress.objects.filter(source=source).exists():
            Progress.objects.create(source=source, epoch=1)
    Progress.objects.update(told=F("seen_to"), told_at=now, heard_at=now, asks=0, ask_again_at=None)
