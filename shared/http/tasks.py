"""What the messaging process does for this app by the clock."""

from shared import clock
from shared.http import idempotency, limits


def prune() -> None:
    """Forget answers that nobody may ask for again, and counts whose window is over."""
    idempotency.prune()
    limits.prune(now=clock.now())
