"""How often something may be asked in a window of time, counted in rows: the same for all processes of a service."""

import datetime as dt

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from shared import clock, errors
from shared.http import models

MINUTE = dt.timedelta(minutes=1)
_START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_COUNT = """
INSERT INTO http_count AS counted (bucket, window_ends, number) VALUES (%s, %s, 1)
ON CONFLICT (bucket, window_ends) DO UPDATE SET number = counted.number + 1
RETURNING number
"""


class WritesPerUser(BaseThrottle):
    """DRF's throttle: at most WRITES_PER_MINUTE unsafe requests of one user."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.auth is not None and request.method not in ("GET", "HEAD", "OPTIONS"):
            bucket = f"writes:{request.auth.user_id}"
            count(bucket, limit=settings.WRITES_PER_MINUTE, window=MINUTE, now=clock.now())
        return True


def count(bucket: str, *, limit: int, window: dt.timedelta, now: dt.datetime) -> None:
    """Count one in the current window of `bucket`. Raises `errors.TooMany` when that is more than `limit`."""
    ends = _end_of_window(now, window)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [bucket, ends])
        (number,) = cursor.fetchone()
    _demand(number <= limit, ends, now)


def check(bucket: str, *, limit: int, window: dt.timedelta, now: dt.datetime) -> None:
    """Raise `errors.TooMany` when `limit` was reached in the current window already; counts nothing."""
    ends = _end_of_window(now, window)
    counted = models.Count.objects.filter(bucket=bucket, window_ends=ends).values_list("number", flat=True).first()
    _demand((counted or 0) < limit, ends, now)


def prune() -> int:
    """Forget windows that are over; says how many."""
    old, _ = models.Count.objects.filter(window_ends__lt=Now()).delete()
    return old


def _end_of_window(now: dt.datetime, window: dt.timedelta) -> dt.datetime:
    return _START + ((now - _START) // window + 1) * window


def _demand(within: bool, ends: dt.datetime, now: dt.datetime) -> None:
    if not within:
        raise errors.TooMany(retry_after=max(1, round((ends - now).total_seconds())))
