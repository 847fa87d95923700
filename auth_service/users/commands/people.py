"""What several commands need of a user: his row, locked, and what is said of him."""

import uuid

from django.db import connection

from auth_service.users import models
from shared import errors
from shared.contracts import users as events
from shared.messaging import outbox

UserEvent = events.UserRegistered | events.UserUpdated | events.UserBanned | events.UserReinstated | events.UserClosed


_ADMINS_LOCK = 0x726F6C65


class LastAdmin(errors.Conflict):
    code = "last_admin"
    detail = "Somebody has to stay an administrator."


def locked(user_id: uuid.UUID) -> models.User:
    """The user, his row locked. Raises UnknownUser."""
    try:
        return models.User.locked(user_id)
    except models.User.DoesNotExist as error:
        raise models.UnknownUser from error


def hold_admins() -> None:
    """Let nobody else take an administrator away until this transaction ends; before any user's row is locked."""
    one_at_a_time(_ADMINS_LOCK)


def keep_an_admin(user: models.User) -> None:
    """Raises LastAdmin where nobody would administer without this user. The caller holds the admins."""
    others = models.User.objects.filter(roles__contains=["admin"], active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise LastAdmin


def say(event: type[UserEvent], user: models.User) -> None:
    """Publish where the user stands now."""
    outbox.publish(
        event(
            id=user.pk,
            email=user.email,
            roles=tuple(user.roles),
            active=user.active,
            tokens_valid_after=user.tokens_valid_after,
            version=user.version,
        )
    )


def one_at_a_time(lock: int) -> None:
    """Let nobody else who names `lock` go on until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
