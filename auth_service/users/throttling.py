"""How often somebody may guess: failed sign-ins are counted for each account and each address, sign-ups by address."""

import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest

from auth_service.users import commands
from shared.http import addresses, limits

FAILURES = dt.timedelta(minutes=15)
SIGN_UPS = dt.timedelta(hours=1)


@contextlib.contextmanager
def sign_in(request: HttpRequest, *, email: str, now: dt.datetime) -> Iterator[None]:
    """Run a sign-in, and count it if it fails. Raises TooMany instead of trying once there were too many."""
    buckets = _buckets(request, email)
    for bucket, limit in buckets.items():
        limits.check(bucket, limit=limit, window=FAILURES, now=now)
    try:
        yield
    except commands.InvalidCredentials:
        for bucket, limit in buckets.items():
            limits.count(bucket, limit=limit, window=FAILURES, now=now)
        raise


def sign_up(request: HttpRequest, *, now: dt.datetime) -> None:
    """Count a sign-up. Raises TooMany."""
    if settings.LIMITS_PER_ADDRESS:
        bucket = f"signup:{addresses.of(request)}"
        limits.count(bucket, limit=settings.SIGN_UPS_PER_ADDRESS, window=SIGN_UPS, now=now)


def _buckets(request: HttpRequest, email: str) -> dict[str, int]:
    # Digested: no e-mail address outside the table of users.
    account = hashlib.sha256(email.lower().encode()).hexdigest()[:32]
    buckets = {f"signin:account:{account}": settings.SIGN_IN_FAILURES_PER_ACCOUNT}
    if settings.LIMITS_PER_ADDRESS:
        buckets[f"signin:address:{addresses.of(request)}"] = settings.SIGN_IN_FAILURES_PER_ADDRESS
    return buckets
