"""Who asks about orders: whoever watches over them."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from orders_service.orders import queries
from shared import clock
from shared.messaging import gauges


def of_orders() -> Iterable[Metric]:
    """Orders that are to be paid, and whether any should have expired."""
    overdue, oldest = queries.overdue(now=clock.now())
    yield gauges.by("status", "orders_unpaid", "Live orders that are not paid yet", queries.unpaid())
    yield GaugeMetricFamily("orders_overdue", "Unpaid orders whose window is over", overdue)
    yield GaugeMetricFamily("orders_oldest_overdue_seconds", "How long the window of the oldest is over", oldest)
