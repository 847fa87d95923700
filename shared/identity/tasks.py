"""What the messaging process does for this app by the clock."""

from shared import clock
from shared.identity import copies


def prune() -> None:
    """Forget the ended sessions that no living token can belong to."""
    copies.prune(now=clock.now())
