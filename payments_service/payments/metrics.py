"""Who asks about payments: whoever watches over them."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from payments_service.payments import queries
from shared import clock


def of_payments() -> Iterable[Metric]:
    """Payments that are not finished, by what they wait for: `answer`, `order` (to be decided), `capture`, `void`."""
    number = GaugeMetricFamily(
        "payments_unfinished", "Payments that are not finished, by what they wait for", labels=["waiting_for"]
    )
    oldest = GaugeMetricFamily(
        "payments_oldest_unfinished_seconds", "How long the oldest of them has waited", labels=["waiting_for"]
    )
    for waiting_for, many, seconds in queries.unfinished(now=clock.now()):
        number.add_metric([waiting_for], many)
        oldest.add_metric([waiting_for], seconds)
    yield number
    yield oldest
