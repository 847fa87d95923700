"""Password hashes: argon2id as OWASP asks for (19 MiB, two passes, one lane), never more than two at once."""

import contextlib
import secrets
import threading
from collections.abc import Iterator

import argon2
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from shared import errors

MIN_LENGTH, MAX_LENGTH = 8, 128
AT_ONCE = 2
PATIENCE = 2.0  # seconds

_argon2 = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_slots = threading.BoundedSemaphore(AT_ONCE)
_common = password_validation.CommonPasswordValidator()
# What an unknown e-mail is compared with, so that it takes as long as a known one.
_nobodys = _argon2.hash(secrets.token_urlsafe())


class TooBusy(errors.Unavailable):
    detail = "Too many people are signing in at the moment."


def encode(password: str) -> str:
    """Hash a password. Raises TooBusy."""
    with _slot():
        return _argon2.hash(password)


def matches(encoded: str | None, password: str) -> bool:
    """Compare, always with exactly one hash; None or an empty `encoded` matches nothing. Raises TooBusy."""
    with _slot():
        try:
            return _argon2.verify(encoded or _nobodys, password) and bool(encoded)
        except argon2.exceptions.VerificationError:
            return False


def check_not_common(password: str) -> None:
    """Raises django's ValidationError for a password that everybody tries first."""
    try:
        _common.validate(password)
    except ValidationError as error:
        raise ValidationError("This password is too common.", code="password_too_common") from error


@contextlib.contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=PATIENCE):
        raise TooBusy
    try:
        yield
    finally:
        _slots.release()
