"""What the clock asks of auth."""

from auth_service.users import commands
from shared import clock


def tend_signing_keys() -> None:
    """Retire the keys whose tokens are over, and rotate one that has signed for long."""
    commands.tend_signing_keys(now=clock.now())
