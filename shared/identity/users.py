"""Questions about a user, answered from this service's own copy, and held true until the transaction ends."""

import uuid

from shared import errors
from shared.identity import models


class Barred(errors.Forbidden):
    code = "barred"
    detail = "This account is banned or closed."


def hold_active(user_id: uuid.UUID) -> bool:
    """Whether a user may act, locked (shared) until the caller's transaction ends.

    A ban, which updates that row, waits for the caller and then sees what it did; a caller that comes second sees
    the ban. A user whose registration has not been heard yet counts as active.
    """
    active = models.User.objects.raw("SELECT id, active FROM identity_user WHERE id = %s FOR SHARE", [user_id])
    return all(user.active for user in active)


def require_active(user_id: uuid.UUID) -> None:
    """Like `hold_active`, for commands. Raises `Barred`."""
    if not hold_active(user_id):
        raise Barred
