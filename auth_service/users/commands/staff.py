"""What staff does to people, and who is staff."""

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import transaction

from auth_service.users import models, passwords
from auth_service.users.commands import accounts, people
from shared import errors
from shared.contracts import users as events
from shared.identity import copies

_ROLES_LOCK = 0x726F6C65


class OwnRoles(errors.Forbidden):
    detail = "Nobody changes his own roles."


class LastAdmin(errors.Conflict):
    code = "last_admin"
    detail = "Somebody has to stay an administrator."


@transaction.atomic
def ban_user(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """Refuse a user everywhere, all his sessions with him. Raises UnknownUser, NotActive."""
    user = people.locked(user_id)
    user.ban(now=now, last_token_at=models.Session.revoke_all(user=user, now=now))
    people.say(events.UserBanned, user)
    copies.changed()


@transaction.atomic
def reinstate_user(*, user_id: uuid.UUID) -> None:
    """Let a banned user sign in again. Raises UnknownUser, NotBanned."""
    user = people.locked(user_id)
    user.reinstate()
    people.say(events.UserReinstated, user)
    copies.changed()


@transaction.atomic
def set_roles(*, user_id: uuid.UUID, roles: Iterable[str], by: uuid.UUID | None) -> models.User:
    """Give a user exactly these roles; `by` is None for whoever runs the machine.

    Raises UnknownUser, OwnRoles, LastAdmin, NotActive, UnknownRole.
    """
    if user_id == by:
        raise OwnRoles
    people.one_at_a_time(_ROLES_LOCK)
    user, wanted = people.locked(user_id), sorted(set(roles))
    others = models.User.objects.filter(roles__contains=["admin"], active=True).exclude(pk=user_id)
    if user.is_superuser and "admin" not in wanted and not others.exists():
        raise LastAdmin
    if user.roles != wanted:
        user.take_roles(wanted)
        people.say(events.UserUpdated, user)
    return user


def make_staff(*, email: str, password: str, now: dt.datetime) -> models.User:
    """An administrator of that address: the account is made, or given this password and the role."""
    encoded = passwords.encode(password)
    with transaction.atomic():
        user = models.User.with_email(email)
        if user is None:
            user = accounts.registered(email, encoded, now)
        else:
            models.User.locked(user.pk).take_password(encoded)
        return set_roles(user_id=user.pk, roles={*user.roles, "admin"}, by=None)
