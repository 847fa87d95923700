"""Having an account. Passwords are hashed before a transaction is opened, never inside one."""

import datetime as dt
import uuid

from django.db import transaction

from auth_service.users import models, passwords
from auth_service.users.commands import erasure, mail, people, sessions
from shared.contracts import users as events
from shared.identity import copies


def register_user(*, email: str, password: str, agent: str, now: dt.datetime) -> sessions.Granted:
    """Make an account and sign in. Raises EmailInUse."""
    if models.User.with_email(email) is not None:
        raise models.EmailInUse(field="email")  # spares a hash; the constraint decides a race
    encoded = passwords.encode(password)
    with transaction.atomic():
        user = registered(email, encoded, now)
        mail.owe_link(user, models.Purpose.EMAIL_VERIFICATION, now)
        return sessions.grant(user, models.Session.start(user=user, agent=agent, now=now), now)


def close_account(*, user_id: uuid.UUID, password: str, now: dt.datetime) -> None:
    """Close an account because its owner says so. Raises InvalidCredentials, LastAdmin."""
    found = sessions.proven(models.User.with_id(user_id), password, field="password")
    with transaction.atomic():
        people.hold_admins()
        people.keep_an_admin(sessions.locked_unchanged(found))
        close_user(user_id=user_id, now=now)


@transaction.atomic
def close_user(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """Close an account and erase who it was. Raises UnknownUser, NotActive."""
    user = people.locked(user_id)
    email = user.email
    user.close(now=now, last_token_at=models.Session.revoke_all(user=user, now=now))
    erasure.erase(user, email=email)
    people.say(events.UserClosed, user)
    copies.changed()


def registered(email: str, encoded: str, now: dt.datetime) -> models.User:
    """Make an account whose password is hashed already, and say so. Raises EmailInUse."""
    user = models.User.register(email=email, password=encoded, now=now)
    people.say(events.UserRegistered, user)
    return user
