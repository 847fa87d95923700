"""What the processes beside the web count, and what their service's database knows: read when somebody asks."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import prometheus_client
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils.module_loading import import_string
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.messaging import gauges, levels, progress

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # as shared.http does

published = Counter("messaging_published", "Events the broker has confirmed", ["type"])
publish_failures = Counter("messaging_publish_failures", "Batches not confirmed, by what went wrong", ["error"])
relay_leader = Gauge("messaging_relay_leader", "1 where this process is the active relay", multiprocess_mode="livesum")
consumed = Counter("messaging_consumed", "Events heard, by what became of them", ["queue", "outcome"])
batch_seconds = Histogram("messaging_batch_seconds", "Time to apply what was read at once", ["queue"])
replay_requests = Counter("messaging_replay_requests", "Ranges asked for again, by producer", ["source"])
replayed = Counter("messaging_replayed", "Events told again, by who asked for them", ["asker"])
swept = Counter("messaging_sweeps", "Runs of each sweep, by result", ["sweep", "result"])

_PARKED = """
SELECT type, count(*), extract(epoch FROM clock_timestamp() - min(parked_at))
FROM messaging_parkedmessage WHERE state = 'parked' GROUP BY type ORDER BY type
"""
_HEARD = """
SELECT source, extract(epoch FROM max(heard_at)) FROM messaging_progress WHERE source = ANY(%s)
GROUP BY source ORDER BY source
"""
_RECOVERING = "SELECT count(*) FROM messaging_log WHERE recovering_since IS NOT NULL"


class Levels(Collector):
    """What each of MESSAGING_LEVELS finds in the service's database; while it is away, only that it is."""

    def collect(self) -> Iterable[Metric]:
        up = 1
        families: list[Metric] = []
        try:
            for path in settings.MESSAGING_LEVELS:
                families += import_string(path)()
        except DatabaseError:
            up, families = 0, []
        return [GaugeMetricFamily("database_up", "1 where the service's database answers", up), *families]

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return []


def of_messaging() -> Iterable[Metric]:
    """Outbox, progress, replay, parked messages and recovery."""
    with connection.cursor() as cursor:
        cursor.execute(levels.UNSENT)
        unsent, age = cursor.fetchone()
        cursor.execute(levels.LAG, {"consumer": settings.SERVICE})
        lags = cursor.fetchall()
        cursor.execute(_HEARD, (list(progress.sources()),))
        heard = cursor.fetchall()
        cursor.execute(levels.REPLAY_PENDING)
        (pending,) = cursor.fetchone()
        cursor.execute(_PARKED)
        parked = cursor.fetchall()
        cursor.execute(_RECOVERING)
        (recovering,) = cursor.fetchone()
    yield GaugeMetricFamily("messaging_outbox_unsent", "Events not yet confirmed by the broker", unsent)
    yield GaugeMetricFamily("messaging_outbox_oldest_unsent_seconds", "Age of the oldest of them", float(age))
    yield gauges.by("source", "messaging_consumer_lag", "Events known to have been said that have not come yet", lags)
    said = "When each producer said what was last heard of how far its log reaches"
    yield gauges.by("source", "messaging_last_heard_timestamp_seconds", said, heard)
    yield GaugeMetricFamily("messaging_replay_pending", "Requests to tell again that are not answered yet", pending)
    yield GaugeMetricFamily("messaging_recovering", "1 while writes are refused after a restore", recovering)
    yield from _parked_levels(parked)


def _parked_levels(rows: Sequence[tuple[str, int, Decimal]]) -> Iterable[Metric]:
    """Of (type, count, age of the oldest), and from how many on somebody is to be called."""
    counts = [(type_, count) for type_, count, _ in rows]
    oldest = float(max((age for _, _, age in rows), default=0))
    yield gauges.by("type", "messaging_parked", "Messages that wait for somebody to look at them", counts)
    yield GaugeMetricFamily("messaging_parked_oldest_seconds", "Age of the oldest of them", oldest)
    threshold = settings.MESSAGING_PARKED_ALARM
    yield GaugeMetricFamily("messaging_parked_alarm_threshold", "How many of them are an alarm", threshold)
