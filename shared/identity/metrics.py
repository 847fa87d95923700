"""How fresh what the verifier believes is."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric

from shared.identity import models

key_fetches = Counter("identity_key_fetches", "Fetches of auth's key set, by outcome", ["outcome"])
state_read = Gauge(
    "identity_state_last_read_timestamp_seconds",
    "When this process last knew its copy of keys and revocations to be that of the database; 0 before the first use",
    multiprocess_mode="liveall",  # the process that gunicorn forks from never reads: the least would always be 0
)


def of_identity() -> Iterable[Metric]:
    """How many keys tokens are verified with, and how many ended sessions are remembered."""
    held = models.PublicKey.objects.filter(retired=False, jwk__isnull=False).count()
    revoked = models.RevokedSession.objects.count()
    yield GaugeMetricFamily("identity_signing_keys_held", "Public keys whose tokens count", held)
    yield GaugeMetricFamily("identity_revoked_sessions", "Ended sessions that a living token may belong to", revoked)
