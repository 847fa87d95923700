"""What the messaging process does for this app by the clock."""

from shared import clock
from shared.messaging import retention


def prune() -> None:
    """Forget the events that are older than the settings allow."""
    retention.prune(now=clock.now())
