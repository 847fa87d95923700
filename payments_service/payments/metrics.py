"""Who asks about payments: whoever watches over them."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from payments_service.payments import queries
from shared import clock
from shared.messaging import gauges


def of_payments() -> Iterable[Metric]:
    """Payments that are not finished, by what they wait for: `answer`, `order` (to be decided), `capture`, `void`."""
    rows = list(queries.unfinished(now=clock.now()))
    number, oldest = [(what, many) for what, many, _ in rows], [(what, seconds) for what, _, seconds in rows]
    yield gauges.by(
        "waiting_for", "payments_unfinished", "Payments that are not finished, by what they wait for", number
    )
    yield gauges.by(
        "waiting_for", "payments_oldest_unfinished_seconds", "How long the oldest of them has waited", oldest
    )
