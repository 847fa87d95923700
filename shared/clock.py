"""The time, as the service's own database tells it: one clock for all its processes and for its constraints."""

import datetime as dt

from django.db import connection


def now() -> dt.datetime:
    """The database's current time (UTC, aware), not the start of the transaction.

    Interfaces (views, handlers, tasks) call this once and pass it on as `now=`; commands and models never do.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment.astimezone(dt.UTC)
