"""Passwords, and proofs of an address. Hashes are computed before a transaction is opened, never inside one."""

import datetime as dt
import uuid

from django.db import transaction

from auth_service.users import models, passwords
from auth_service.users.commands import mail, people, sessions


def change_password(
    *, user_id: uuid.UUID, session_id: uuid.UUID, current_password: str, new_password: str, now: dt.datetime
) -> None:
    """Take a new password from who knows the present one; his other sessions end. Raises InvalidCredentials."""
    found = sessions.proven(models.User.with_id(user_id), current_password, field="currentPassword")
    encoded = passwords.encode(new_password)
    with transaction.atomic():
        user = sessions.locked_unchanged(found)
        take_password(user, encoded, now, but=session_id)


def request_password_reset(*, email: str, now: dt.datetime) -> None:
    """Note that somebody has lost the password of that address. The same work whether it is anybody's or not."""
    models.ResetRequest.ask(email=email, now=now)


def reset_password(*, token: str, password: str, now: dt.datetime) -> None:
    """Take a new password from who has read the mail, which proves the address too; every session ends.

    Raises InvalidLink.
    """
    link = models.OneTimeToken.read(token, purpose=models.Purpose.PASSWORD_RESET, now=now)
    encoded = passwords.encode(password)
    with transaction.atomic():
        user = people.locked(link.user_id)
        link.use(now)
        user.verify(now)
        take_password(user, encoded, now)


@transaction.atomic
def request_email_verification(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """Ask once more whether the address is right; quiet where that is known. Raises UnknownUser."""
    user = people.locked(user_id)
    if user.verified_at is None:
        mail.owe_link(user, models.Purpose.EMAIL_VERIFICATION, now)


@transaction.atomic
def verify_email(*, token: str, now: dt.datetime) -> None:
    """Take it from who has read the mail that the address is his. Raises InvalidLink."""
    link = models.OneTimeToken.read(token, purpose=models.Purpose.EMAIL_VERIFICATION, now=now)
    user = people.locked(link.user_id)
    link.use(now)
    user.verify(now)


def take_password(user: models.User, encoded: str, now: dt.datetime, *, but: uuid.UUID | None = None) -> None:
    """Whatever was let in by the old password, or could change it, is worth nothing from here on."""
    user.take_password(encoded)
    models.OneTimeToken.void(user=user, purpose=models.Purpose.PASSWORD_RESET, now=now)
    sessions.revoke_all(user, now, but=but)
    models.Mail.owe(user=user, kind=models.Kind.PASSWORD_CHANGED, now=now)
