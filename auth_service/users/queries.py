"""What may be known of people and keys."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, QuerySet

from auth_service.users import models
from auth_service.users import tokens as issuing
from shared.contracts import users as events
from shared.identity import tokens
from shared.identity.strategies import local

Members = dict[str, Any]

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


def mail_waiting(*, now: dt.datetime) -> Iterator[tuple[str, int, float]]:
    """What the worker has to do for each kind of mail: how many there are, and for how many seconds one is overdue.

    A mail that could not be sent is due again later; who has asked for a link waits for an answer from that moment.
    """
    for kind in models.Kind.values:
        found = models.Mail.waiting(kind).aggregate(many=Count("id"), due=Min("next_attempt_at"))
        yield kind, found["many"], max(0.0, (now - (found["due"] or now)).total_seconds())
    asked = models.ResetRequest.objects.aggregate(many=Count("id"), since=Min("asked_at"))
    yield "reset_request", asked["many"], (now - (asked["since"] or now)).total_seconds()


def mail_failing() -> int:
    """How many mails could not be sent when that was last tried."""
    return models.Mail.waiting().exclude(last_error="").count()


def keys_by_status() -> list[tuple[str, int]]:
    """How many key pairs there are whose tokens count."""
    status = models.SigningKey.Status
    counting = dict.fromkeys((status.STANDBY, status.CURRENT, status.PREVIOUS), 0)
    found = models.SigningKey.published().order_by().values_list("status").annotate(many=Count("kid"))
    return list((counting | dict(found)).items())


def signing_key_age(*, now: dt.datetime) -> float:
    """For how many seconds the current key has signed; 0 where there is none."""
    key = models.SigningKey.current()
    return (now - (key.active_from or now)).total_seconds() if key else 0.0


def key_set() -> dict[str, list[dict[str, Any]]]:
    """The public keys whose tokens count, as a JWK Set (RFC 7517)."""
    return {"keys": [key.jwk for key in models.SigningKey.published()]}


def is_service(*, service: str, secret: str) -> bool:
    """Whether `secret` is one by which `service` proves who it is."""
    return models.ServiceCredential.is_shown(service=service, secret=secret)


def service_credentials() -> QuerySet[models.ServiceCredential]:
    """The secrets that are valid, oldest first."""
    return models.ServiceCredential.objects.filter(retired_at__isnull=True).order_by("service", "created_at")


def introspection(*, token: str) -> Members:
    """What RFC 7662 §2.2 says of an access token; of whatever does not count, only that."""
    try:
        identity = local.judge(token)
    except tokens.InvalidToken:
        return {"active": False}
    user = _holder(identity)
    if user is None:
        return {"active": False}
    return {
        "active": True,
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "sub": str(user.pk),
        "sid": str(identity.session_id),
        "jti": identity.token_id,
        "iat": int(identity.issued_at.timestamp()),
        "exp": int(identity.expires_at.timestamp()),
        "email": user.email,
        "roles": user.roles,
    }


def assertion(identity: tokens.Identity | None, *, service: str, now: dt.datetime) -> str | None:
    """Auth's word to `service` on who is asking; None for nobody."""
    user = None if identity is None else _holder(identity)
    if identity is None or user is None:
        return None
    return issuing.vouch(user=user, session_id=identity.session_id, service=service, now=now)


def _holder(identity: tokens.Identity) -> models.User | None:
    """The user as he is now, if neither he nor his session has been ended: the truth, and not what was last read."""
    alive = models.Session.objects.filter(pk=identity.session_id, user_id=identity.user_id, revoked_at__isnull=True)
    session = alive.filter(user__active=True).select_related("user").first()
    return session.user if session else None


def aggregates() -> tuple[QuerySet[models.User], type[events.UserSnapshot]]:
    """All users, and the event that tells the whole of one."""
    return models.User.objects.all(), events.UserSnapshot
