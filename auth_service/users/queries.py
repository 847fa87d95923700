"""What may be known of people and keys."""

import datetime as dt
import uuid
from typing import Any

from django.db.models import QuerySet

from auth_service.users import models
from shared.contracts import users as events

Purpose = models.Purpose


def account(user_id: uuid.UUID) -> models.User | None:
    """The account of that id, if it is active."""
    return models.User.objects.filter(pk=user_id, active=True).first()


def account_of(email: str) -> models.User | None:
    """The account of that address, in whatever case it is written."""
    return models.User.with_email(email)


def people() -> models.UserQuerySet:
    """Everybody who has, or had, an account: for staff."""
    return models.User.objects.all()


def person(user_id: uuid.UUID) -> models.User:
    """One of them. Raises UnknownUser."""
    user = people().filter(pk=user_id).first()
    if user is None:
        raise models.UnknownUser
    return user


def sessions(*, user_id: uuid.UUID, now: dt.datetime) -> QuerySet[models.Session]:
    """The browsers in which somebody is signed in."""
    return models.Session.alive(user_id=user_id, now=now)


def is_good_link(token: str, *, purpose: Purpose, now: dt.datetime) -> bool:
    """Whether the link in a mail still does what it says."""
    try:
        models.OneTimeToken.read(token, purpose=purpose, now=now)
    except models.InvalidLink:
        return False
    return True


def key_set() -> dict[str, list[dict[str, Any]]]:
    """The public keys whose tokens count, as a JWK Set (RFC 7517)."""
    return {"keys": [key.jwk for key in models.SigningKey.published()]}


def aggregates() -> tuple[QuerySet[models.User], type[events.UserSnapshot]]:
    """All users, and the event that tells the whole of one."""
    return models.User.objects.all(), events.UserSnapshot
