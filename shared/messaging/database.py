"""What the service's PostgreSQL says of itself, under the names of its well-known exporter, which needs a superuser."""

from collections.abc import Iterable

from django.db import connection
from prometheus_client.core import GaugeMetricFamily, Metric

from shared.messaging import gauges

_OWN = """
SELECT current_database(), pg_database_size(current_database()), current_setting('max_connections')::int,
    (SELECT numbackends FROM pg_stat_database WHERE datname = current_database()),
    (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid())
"""


def of_database() -> Iterable[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(_OWN)
        name, size, most, connections, longest = cursor.fetchone()
    yield GaugeMetricFamily("pg_settings_max_connections", "Connections the server allows, of all databases", most)
    yield gauges.by("datname", "pg_database_size_bytes", "Disk space used by the database", [(name, size)])
    yield gauges.by("datname", "pg_stat_database_numbackends", "Connections to the database", [(name, connections)])
    oldest = "Age of the oldest open transaction of the service's own role, in seconds"
    yield gauges.by("datname", "pg_stat_activity_max_tx_duration", oldest, [(name, longest)])
