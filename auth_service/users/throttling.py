"""How often somebody may guess, and how often sign up or ask for mail.

Failed sign-ins count for the account and for the address they come from, and make the next ones wait; those of a
browser in which the account's owner has signed in before count for that browser alone, so that nobody locks him out.
"""

import contextlib
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest
from prometheus_client import Counter

from auth_service.users import commands, known_devices, queries
from shared import errors
from shared.http import addresses, backoff, limits

# An address is shared by many, each of whom mistypes now and then.
FORGETS_OF_AN_ADDRESS = dt.timedelta(minutes=1)
SIGN_UPS = dt.timedelta(hours=1)
MAILS = dt.timedelta(hours=1)

sign_ins = Counter("auth_sign_ins", "Attempts to sign in, by outcome", ["outcome"])
for outcome in ("succeeded", "refused", "throttled", "failed"):
    sign_ins.labels(outcome)  # 0 from the start: one that first appears as 1 is no increase to whoever watches


@contextlib.contextmanager
def sign_in(request: HttpRequest, *, email: str, now: dt.datetime) -> Iterator[None]:
    """Run a sign-in, and count it if it fails. Raises TooMany instead of trying while earlier failures make it wait."""
    with _counted():
        attempt, failed = backoff.attempt(_buckets(request, email), now=now), False
        try:
            yield
        except commands.InvalidCredentials:
            failed = True
            raise
        finally:
            if not failed:
                attempt.was_no_failure()


def sign_up(request: HttpRequest, *, now: dt.datetime) -> None:
    """Count a sign-up. Raises TooMany."""
    if settings.LIMITS_PER_ADDRESS:
        bucket = _bucket("signup:address", addresses.of(request))
        limits.count(bucket, limit=settings.SIGN_UPS_PER_ADDRESS, window=SIGN_UPS, now=now)


def mail(request: HttpRequest, *, email: str, now: dt.datetime) -> None:
    """Count a mail that somebody asks for, whether that address is anybody's or not. Raises TooMany."""
    bucket = _bucket("mail:account", email.lower())
    limits.count(bucket, limit=settings.MAILS_PER_ACCOUNT, window=MAILS, now=now)
    if settings.LIMITS_PER_ADDRESS:
        bucket = _bucket("mail:address", addresses.of(request))
        limits.count(bucket, limit=settings.MAILS_PER_ADDRESS, window=MAILS, now=now)


@contextlib.contextmanager
def _counted() -> Iterator[None]:
    outcome = "failed"
    try:
        yield
        outcome = "succeeded"
    except commands.InvalidCredentials:
        outcome = "refused"
        raise
    except errors.TooMany:
        outcome = "throttled"
        raise
    finally:
        sign_ins.labels(outcome).inc()


def _buckets(request: HttpRequest, email: str) -> Iterator[backoff.Bucket]:
    per_account: int = settings.SIGN_IN_FAILURES_PER_ACCOUNT
    if (device := _device(request, email)) is not None:
        yield backoff.Bucket(name=_bucket("signin:device", device), free=per_account)
        return
    yield backoff.Bucket(name=_bucket("signin:account", email.lower()), free=per_account)
    if settings.LIMITS_PER_ADDRESS:
        name, free = _bucket("signin:address", addresses.of(request)), settings.SIGN_IN_FAILURES_PER_ADDRESS
        yield backoff.Bucket(name=name, free=free, drip=FORGETS_OF_AN_ADDRESS)


def _device(request: HttpRequest, email: str) -> str | None:
    """The browser's name, if it is one in which that very account has signed in."""
    account = queries.account_of(email) if known_devices.is_shown(request) else None
    if account is None:
        return None
    return known_devices.name_of(request, user_id=account.pk, password=account.password)


def _bucket(kind: str, whose: str) -> str:
    """The name of a bucket, which tells nobody whose it is, not even one who guesses: no address is in the clear."""
    key: str = settings.REFRESH_SECRET
    return f"{kind}:{hmac.new(key.encode(), f'bucket {kind} {whose}'.encode(), hashlib.sha256).hexdigest()[:32]}"
