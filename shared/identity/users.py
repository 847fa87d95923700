"""Questions about a user, answered from this service's own copy, and held true until the transaction ends."""

import uuid

from django.db import connection

from shared import errors
from shared.identity import models


class Barred(errors.Forbidden):
    code = "barred"
    detail = "This account is banned or closed."


def hold_active(user_id: uuid.UUID) -> bool:
    """Whether a user may act, which stays so until the caller's transaction ends.

    A ban waits for the caller and then sees what it did; a caller that comes second sees the ban. A user whose
    registration has not been heard yet counts as active, and is held all the same: the lock is on the id, not on a
    row that may not be there.
    """
    _lock("pg_advisory_xact_lock_shared", user_id)
    return not models.User.objects.filter(id=user_id, active=False).exists()


def require_active(user_id: uuid.UUID) -> None:
    """Like `hold_active`, for commands. Raises `Barred`."""
    if not hold_active(user_id):
        raise Barred


def hold_alone(user_id: uuid.UUID) -> None:
    """Wait for everybody who holds the user, and keep others waiting until the transaction ends: before a change."""
    _lock("pg_advisory_xact_lock", user_id)


def _lock(function: str, user_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"user {user_id}"])
