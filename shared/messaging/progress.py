"""How far each producer's log has been followed, and what of it is missing: holes in the positions of the inbox.

Rows are made by what a producer says of its log, so a service that has only just begun to listen starts at zero, and
all that was ever said is one hole to it.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now

from shared.contracts import registry
from shared.messaging import topology
from shared.messaging.models import InboxEvent, Progress

PATIENCE = dt.timedelta(seconds=2)
ANSWER_WITHIN = dt.timedelta(seconds=3)
LONGEST_WAIT = dt.timedelta(seconds=10)
END = 2**62 - 1
"""Asks for everything up to the end of a log, wherever that is."""
_WINDOW = 1000

_TOLD = """
INSERT INTO messaging_progress AS known (source, epoch, seen_to, told, told_at, heard_at)
VALUES (%s, %s, 0, %s, clock_timestamp(), least(%s, clock_timestamp()))
ON CONFLICT (source, epoch) DO UPDATE SET
    told = greatest(known.told, excluded.told),
    told_at = CASE WHEN excluded.told > known.told THEN excluded.told_at ELSE known.told_at END,
    heard_at = greatest(known.heard_at, excluded.heard_at)
"""


@dataclasses.dataclass(frozen=True)
class Hole:
    """Positions `first` to `last` have not come, though since that moment it is known that they should have."""

    first: int
    last: int
    since: dt.datetime


@dataclasses.dataclass(frozen=True)
class Received:
    """A position that has come, and when."""

    position: int
    at: dt.datetime


def survey(
    seen_to: int, received: Sequence[Received], *, told: int, told_at: dt.datetime
) -> tuple[int, tuple[Hole, ...]]:
    """How far the log is known without a gap, and the gaps above.

    `received`: what has come above `seen_to`, ascending. `told`, since `told_at`: the position that the producer has
    named as its last; there may be none above.
    """
    holes: list[Hole] = []
    last = seen_to
    for one in received:
        if one.position > last + 1:
            holes.append(Hole(last + 1, one.position - 1, one.at))
        elif not holes:
            seen_to = one.position
        last = one.position
    if told > last:
        holes.append(Hole(last + 1, told, told_at))
    return seen_to, tuple(holes)


def tell(*, source: str, epoch: int, position: int, said_at: dt.datetime | None = None) -> None:
    """The producer says how far its log reaches, or has said so at `said_at`: what waited in a queue is no news."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, (source, epoch, position, said_at))


@transaction.atomic
def settle(
    *,
    source: str,
    epoch: int,
    first_kept: int,
    last_kept: int,
    current_epoch: int,
    position: int,
    said_at: dt.datetime | None = None,
) -> None:
    """The producer has sent all it keeps of an epoch: what is older is told by snapshots up to `position`.

    That position is noted in the same transaction, so a snapshot that is lost is itself a hole.
    """
    tell(source=source, epoch=current_epoch, position=position, said_at=said_at)
    for row in Progress.objects.select_for_update().filter(source=source, epoch=epoch):
        row.seen_to = max(row.seen_to, first_kept - 1)
        row.closed_at = last_kept if epoch < current_epoch else None
        row.told = max(row.told, row.closed_at or 0)
        row.save(update_fields=["seen_to", "closed_at", "told"])
        _wait(row, _pause(row.asks))


def followed() -> list[Progress]:
    """What is known of each producer that this service listens to, brought up to date with its inbox.

    An epoch that has ended and was followed to its end is of no more interest.
    """
    finished = Q(closed_at__isnull=False, seen_to__gte=F("closed_at"))
    rows = list(Progress.objects.filter(source__in=sources()).exclude(finished).order_by("source", "epoch"))
    for row in rows:
        _advance(row)
    return rows


def sources() -> tuple[str, ...]:
    """The sources that this service listens to."""
    return tuple(registry.source_of(name) for name in topology.LISTENS[settings.SERVICE])


def unheard() -> set[str]:
    """The sources that this service listens to and has never heard of."""
    return set(sources()) - set(Progress.objects.values_list("source", flat=True))


def wanted(row: Progress, *, now: dt.datetime, since: dt.datetime | None = None) -> tuple[int, int] | None:
    """The range to ask for now: from the first hole that is old enough to the last; None where there is none.

    Of a producer that has not spoken `since` then, all that is not known: whatever it has told before is outdated.
    """
    if row.ask_again_at is not None and row.ask_again_at > now:
        return None
    if since is not None and row.heard_at <= since:
        return row.seen_to + 1, END
    ripe = [hole for hole in _holes(row) if hole.since <= now - PATIENCE]
    return (ripe[0].first, ripe[-1].last) if ripe else None


def asked(row: Progress) -> None:
    """A request has been sent: the next one has to wait, longer each time that nothing comes of it."""
    Progress.objects.filter(pk=row.pk).update(asks=F("asks") + 1)
    _wait(row, _backoff(row.asks))


def _advance(row: Progress) -> None:
    """Move `seen_to` over what has come without a gap. While an answer comes in, the wait for it begins anew."""
    before = row.seen_to
    for received in _windows(row):
        row.seen_to, _ = survey(row.seen_to, received, told=0, told_at=row.told_at)
        if not received or row.seen_to != received[-1].position:
            break
    if row.seen_to > before:
        mine = Progress.objects.filter(pk=row.pk)
        mine.update(seen_to=Greatest(F("seen_to"), row.seen_to), asks=0)
        mine.filter(ask_again_at__gt=Now()).update(ask_again_at=Now() + ANSWER_WITHIN)


def _windows(row: Progress) -> Iterator[list[Received]]:
    while True:
        window = _received(row)
        yield window
        if len(window) < _WINDOW:
            return


def _holes(row: Progress) -> tuple[Hole, ...]:
    received = _received(row)
    told = _reaches(row, row.told) if len(received) < _WINDOW else 0
    return survey(row.seen_to, received, told=told, told_at=row.told_at)[1]


def _received(row: Progress) -> list[Received]:
    above = _inbox(row).filter(position__gt=row.seen_to).order_by("position")
    return [Received(*values) for values in above.values_list("position", "received_at")[:_WINDOW]]


def _inbox(row: Progress) -> models.QuerySet[InboxEvent]:
    mine = InboxEvent.objects.filter(consumer=settings.SERVICE, source=row.source, epoch=row.epoch)
    return mine if row.closed_at is None else mine.filter(position__lte=row.closed_at)


def _reaches(row: Progress, position: int) -> int:
    return position if row.closed_at is None else min(position, row.closed_at)


def _wait(row: Progress, pause: dt.timedelta) -> None:
    Progress.objects.filter(pk=row.pk).update(ask_again_at=Now() + pause)


def _backoff(failures: int) -> dt.timedelta:
    return min(ANSWER_WITHIN * (1 << min(failures, 10)), LONGEST_WAIT)


def _pause(asks: int) -> dt.timedelta:
    """After an answer: none at first, for there may be more to ask; then longer, if the answers bring nothing."""
    return _backoff(asks - 2) if asks > 1 else dt.timedelta()
