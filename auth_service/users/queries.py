"""What may be known of people and keys."""

import uuid
from typing import Any

from django.db.models import QuerySet

from auth_service.users import models
from shared.contracts import users as events


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


def key_set() -> dict[str, list[dict[str, Any]]]:
    """The public keys whose tokens count, as a JWK Set (RFC 7517)."""
    return {"keys": [key.jwk for key in models.SigningKey.published()]}


def aggregates() -> tuple[QuerySet[models.User], type[events.UserSnapshot]]:
    """All users, and the event that tells the whole of one."""
    return models.User.objects.all(), events.UserSnapshot
