"""How long somebody has to wait who keeps failing: not at all at first, then one second, two, four, up to LONGEST.

Failures are counted in rows, so that all processes of a service count together, and one of them is forgotten with each
`drip` of time in which nothing fails. An attempt counts as a failure from its beginning, until it is told to have been
none: however many begin at once, no more of them are let through than one after the other would be.
"""

import copy
import dataclasses
import datetime as dt
import math
from collections.abc import Iterable

from django.db import transaction

from shared import errors
from shared.http import models

LONGEST = dt.timedelta(minutes=15)
SECOND = dt.timedelta(seconds=1)

# The update changes nothing: it locks a row that is there, before it can be swept away.
_LOCK = """
INSERT INTO http_count AS counted (bucket, number, window_ends) SELECT name, 0, %s FROM unnest(%s::text[]) AS name
ON CONFLICT (bucket) DO UPDATE SET number = counted.number RETURNING *
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bucket:
    """Whose failures count together: `free` of them cost no wait, and one is forgotten each `drip`."""

    name: str
    free: int
    drip: dt.timedelta = LONGEST

    def level(self, row: models.Count, now: dt.datetime) -> int:
        """How many failures are not forgotten yet."""
        return max(0, row.number - max(0, (now - self.failed_at(row)) // self.drip))

    def failed_at(self, row: models.Count) -> dt.datetime:
        """The last failure; the row's window ends when all are forgotten."""
        return row.window_ends - row.number * self.drip

    def wait(self, row: models.Count, now: dt.datetime) -> dt.timedelta:
        """How long it is from `now` until the next attempt, at most LONGEST; not more than zero for none."""
        over = min(row.number - self.free, 16)
        if over < 0:
            return dt.timedelta()
        return min(self.failed_at(row) + min(SECOND * (1 << over), LONGEST) - now, LONGEST)

    def put(self, row: models.Count, number: int, failed_at: dt.datetime) -> None:
        row.number, row.window_ends = number, failed_at + number * self.drip
        row.save(update_fields=["number", "window_ends"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attempt:
    """What counts as a failure in these buckets, and what each of them held before."""

    at: dt.datetime
    before: dict[Bucket, models.Count]

    @transaction.atomic
    def was_no_failure(self) -> None:
        """Take it back; what others have failed at meanwhile stays."""
        rows = _locked(self.before, self.at)
        for bucket, before in self.before.items():
            row = rows[bucket.name]
            if (row.number, bucket.failed_at(row)) == (bucket.level(before, self.at) + 1, self.at):
                # As it was, to the row: what is forgotten is counted from the last failure, and must not be twice.
                before.save()
            else:
                bucket.put(row, max(0, row.number - 1), bucket.failed_at(row))


@transaction.atomic
def attempt(buckets: Iterable[Bucket], *, now: dt.datetime) -> Attempt:
    """Begin an attempt, counted as a failure in each bucket. Raises errors.TooMany where one of them has to wait.

    What has to wait is not counted, so that nobody makes anybody else's wait longer than LONGEST. Not to be called in
    a transaction that a failure undoes.
    """
    wanted = list(buckets)
    rows = _locked(wanted, now)
    wait = max(bucket.wait(rows[bucket.name], now) for bucket in wanted)
    if wait > dt.timedelta():
        raise errors.TooMany(retry_after=math.ceil(wait.total_seconds()))
    before = {bucket: copy.copy(rows[bucket.name]) for bucket in wanted}
    for bucket in wanted:
        row = rows[bucket.name]
        bucket.put(row, bucket.level(row, now) + 1, now)
    return Attempt(at=now, before=before)


def _locked(buckets: Iterable[Bucket], now: dt.datetime) -> dict[str, models.Count]:
    """The buckets' rows, made where they are missing, and locked in one order."""
    names = sorted(bucket.name for bucket in buckets)
    return {row.bucket: row for row in models.Count.objects.raw(_LOCK, [now, names])}
