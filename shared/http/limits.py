"""How often something may be done: counted in rows, so that all processes of a service count together."""

import datetime as dt
import math
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from rest_framework import throttling
from rest_framework.request import Request

from shared import clock, errors
from shared.http import models

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
MINUTE = dt.timedelta(minutes=1)

_COUNT = """
INSERT INTO http_count AS counted (bucket, number, window_ends) VALUES (%(bucket)s, 1, %(ends)s)
ON CONFLICT (bucket) DO UPDATE SET
    number = CASE WHEN counted.window_ends <= %(now)s THEN 1 ELSE counted.number + 1 END,
    window_ends = CASE WHEN counted.window_ends <= %(now)s THEN excluded.window_ends ELSE counted.window_ends END
RETURNING number, window_ends
"""


def count(bucket: str, *, limit: int, window: dt.timedelta, now: dt.datetime) -> None:
    """Count one more in `bucket` (up to 200 characters); the first one begins its window.

    The count stands if the caller's transaction does, so count outside of one that a refusal undoes. Raises
    errors.TooMany for every one above `limit` until the window is over.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"bucket": bucket, "now": now, "ends": now + window})
        number, window_ends = cursor.fetchone()
    if number > limit:
        raise errors.TooMany(retry_after=_seconds(window_ends - now))


def prune(*, now: dt.datetime) -> None:
    """Forget the windows that are over, but those that somebody is counting in, for whom this must not wait."""
    with transaction.atomic():
        over = models.Count.objects.select_for_update(skip_locked=True).filter(window_ends__lte=now)
        models.Count.objects.filter(pk__in=over.values("pk")).delete()


class WritesPerUser(throttling.BaseThrottle):
    """DRF's throttle for all views: WRITES_PER_MINUTE unsafe requests a minute for each user; 0 lifts it."""

    def allow_request(self, request: Request, view: object) -> bool:
        limit: int = settings.WRITES_PER_MINUTE
        caller: Any = request.auth  # the Identity of a layer above, or None
        if limit and caller is not None and request.method not in SAFE:
            count(f"writes:{caller.user_id}", limit=limit, window=MINUTE, now=clock.now())
        return True


def _seconds(wait: dt.timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
