"""What the clock asks of the HTTP side."""

from shared.http import idempotency, limits


def prune() -> None:
    """Forget what no request can ask for any more."""
    idempotency.prune()
    limits.prune()
