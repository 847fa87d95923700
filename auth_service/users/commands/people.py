"""What several commands need of a user: his row, locked, and what is said of him."""

import uuid

from django.db import connection

from auth_service.users import models
from shared import errors
from shared.contracts import users as events
from shared.messaging import outbox

UserEvent = events.UserRegistered | events.UserUpdated | events.UserBanned | events.UserReinstated | events.UserClosed


class UnknownUser(errors.NotFound):
    detail = "There is no such user."


def locked(user_id: uuid.UUID) -> models.User:
    """The user, his row locked. Raises UnknownUser."""
    try:
        return models.User.locked(user_id)
    except models.User.DoesNotExist as error:
        raise UnknownUser from error


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
