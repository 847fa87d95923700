"""What staff does to people, and who is staff.

`by` is who does it; None is whoever runs the machine. A `precondition` is given the version of the locked row and
raises where it does not hold.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable

from django.db import transaction

from auth_service.users import models, passwords
from auth_service.users.commands import accounts, credentials, people
from shared import errors
from shared.contracts import users as events
from shared.identity import actions, copies

Precondition = Callable[[int], None]


class NotAnyMore(errors.Forbidden):
    detail = "You have lost the role that this needs."


class OwnRoles(errors.Forbidden):
    detail = "Nobody changes his own roles."


class OwnBan(errors.Forbidden):
    detail = "Nobody bans himself."


class AdminsOnly(errors.Forbidden):
    detail = "Only an administrator bans or reinstates an administrator."


def whatever_version(_version: int) -> None:
    """The precondition of somebody who has none."""


@transaction.atomic
def ban_user(*, user_id: uuid.UUID, now: dt.datetime, by: models.User | None = None, reason: str = "") -> None:
    """Refuse a user everywhere, all his sessions with him.

    The machine may ban the last administrator, for it can make another. Raises OwnBan, UnknownUser, NotAnyMore,
    AdminsOnly, NotActive.
    """
    if by is not None and by.pk == user_id:
        raise OwnBan
    user = _bannable(user_id, by)
    user.ban(now=now, reason=reason, last_token_at=models.Session.revoke_all(user=user, now=now))
    people.say(events.UserBanned, user)
    _record(by, user, "banned", reason)
    copies.changed()


@transaction.atomic
def reinstate_user(
    *,
    user_id: uuid.UUID,
    by: models.User | None = None,
    reason: str = "",
    precondition: Precondition = whatever_version,
) -> None:
    """Let a banned user sign in again. Raises UnknownUser, NotAnyMore, AdminsOnly, NotBanned."""
    user = _bannable(user_id, by)
    precondition(user.version)
    user.reinstate()
    people.say(events.UserReinstated, user)
    _record(by, user, "reinstated", reason)
    copies.changed()


@transaction.atomic
def set_roles(
    *,
    user_id: uuid.UUID,
    roles: Iterable[str],
    by: models.User | None,
    reason: str = "",
    precondition: Precondition = whatever_version,
) -> models.User:
    """Give a user exactly these roles. Raises OwnRoles, UnknownUser, NotAnyMore, LastAdmin, NotActive, UnknownRole."""
    if by is not None and by.pk == user_id:
        raise OwnRoles
    people.hold_admins()
    user, _ = _locked(user_id, by, "admin")
    wanted = sorted(set(roles))
    precondition(user.version)
    if "admin" not in wanted:
        people.keep_an_admin(user)
    if user.roles != wanted:
        user.take_roles(wanted)
        people.say(events.UserUpdated, user)
        _record(by, user, f"roles: {', '.join(wanted) or 'none'}", reason)
    return user


def make_staff(*, email: str, password: str, now: dt.datetime) -> models.User:
    """An administrator of that address: the account is made, or given this password and the role."""
    encoded = passwords.encode(password)
    with transaction.atomic():
        people.hold_admins()
        user = models.User.with_email(email)
        if user is None:
            user = accounts.registered(email, encoded, now)
        else:
            # Whoever is in with the old password, and may have had no right to the address, is no administrator.
            credentials.take_password(models.User.locked(user.pk), encoded, now)
        return set_roles(user_id=user.pk, roles={*user.roles, "admin"}, by=None)


def _bannable(user_id: uuid.UUID, by: models.User | None) -> models.User:
    """Whom `by` may ban or reinstate, locked."""
    user, actor = _locked(user_id, by, "admin", "moderator")
    if actor is not None and "admin" in user.roles and not actor.is_superuser:
        raise AdminsOnly
    return user


def _locked(user_id: uuid.UUID, by: models.User | None, *roles: str) -> tuple[models.User, models.User | None]:
    """Whom it is done to and who does it, who must have one of `roles` still.

    Both rows are locked, in one order: the log of actions names who did it, so that two who act upon each other would
    lock each other out; and whoever does it stays who he is until it is done.
    """
    rows = {user.pk: user for user in models.User.locked_among({user_id} if by is None else {user_id, by.pk})}
    if user_id not in rows:
        raise models.UnknownUser
    actor = rows[by.pk] if by is not None else None
    if actor is not None and not actor.has_role(*roles):
        raise NotAnyMore
    return rows[user_id], actor


def _record(by: models.User | None, user: models.User, what: str, reason: str) -> None:
    if by is not None:
        actions.record(by=by, target=user, what=what, reason=reason)
