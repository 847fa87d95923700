"""What may be asked of auth. Passwords are hashed before a transaction is opened, never inside one."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import connection, transaction

from auth_service.users import models, passwords, tokens
from shared import errors
from shared.contracts import users as events
from shared.identity import copies
from shared.identity import tokens as access_tokens
from shared.messaging import outbox

UserEvent = events.UserRegistered | events.UserUpdated | events.UserBanned | events.UserReinstated | events.UserClosed
_KEYS_LOCK, _ROLES_LOCK = 0x6B657973, 0x726F6C65


class InvalidCredentials(errors.Invalid):
    code = "invalid_credentials"
    detail = "Invalid credentials"


class InvalidRefreshToken(errors.Unauthenticated):
    code = "invalid_refresh_token"
    detail = "This session has ended. Sign in again."


class UnknownUser(errors.NotFound):
    detail = "There is no such user."


class OwnRoles(errors.Forbidden):
    detail = "Nobody changes his own roles."


class LastAdmin(errors.Conflict):
    code = "last_admin"
    detail = "Somebody has to stay an administrator."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Granted:
    """A session that was started or renewed: whose it is, and the tokens to hand over."""

    user: models.User
    access: str
    refresh: str


def register_user(*, email: str, password: str, agent: str, now: dt.datetime) -> Granted:
    """Make an account and sign in. Raises EmailInUse."""
    if models.User.with_email(email) is not None:
        raise models.EmailInUse(field="email")  # spares a hash; the constraint decides a race
    encoded = passwords.encode(password)
    with transaction.atomic():
        user = _registered(email, encoded, now)
        return _granted(user, models.Session.start(user=user, agent=agent, now=now), now)


def sign_in(*, email: str, password: str, agent: str, now: dt.datetime) -> Granted:
    """Start a session. Raises InvalidCredentials, alike for unknown, wrong and banned and after the same work."""
    found = models.User.with_email(email)
    if not passwords.matches(found.password if found else None, password) or found is None:
        raise InvalidCredentials
    with transaction.atomic():
        user = models.User.locked(found.pk)
        if not user.active or user.password != found.password:
            raise InvalidCredentials
        return _granted(user, models.Session.start(user=user, agent=agent, now=now), now)


def refresh_session(*, refresh_token: str, agent: str, now: dt.datetime) -> Granted:
    """Renew a session: new tokens for its current refresh token, or for the one before within the grace.

    A genuine token that is neither was used twice: the session ends. Raises InvalidRefreshToken.
    """
    read = models.read_refresh_token(refresh_token)
    if read is None:
        raise InvalidRefreshToken
    granted = _renew(*read, agent=agent, now=now)
    if granted is None:  # raised here, outside the transaction, so that a revocation stays
        raise InvalidRefreshToken
    return granted


@transaction.atomic
def _renew(family: uuid.UUID, generation: int, *, agent: str, now: dt.datetime) -> Granted | None:
    rotated = models.Session.rotate(family=family, generation=generation, agent=agent, now=now)
    if rotated is not None:
        return _granted(rotated.user, rotated, now)
    session = models.Session.locked(family)
    if session is None or not session.is_alive(now):
        return None
    if session.is_graceful(generation=generation, now=now):
        session.seen(now)
        return _granted(session.user, session, now)
    _revoke(session, now)
    return None


@transaction.atomic
def sign_out(*, session_id: uuid.UUID | None, refresh_token: str | None, now: dt.datetime) -> None:
    """End the session that an access token names, and the one of a refresh token; quiet where there is none."""
    read = models.read_refresh_token(refresh_token or "")
    families = {session_id, read[0] if read else None} - {None}
    # All rows are locked before the first revocation, which takes the lock on the change counter.
    for session in models.Session.locked_among(families):
        _revoke(session, now)


@transaction.atomic
def ban_user(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """Refuse a user everywhere, all his sessions with him. Raises UnknownUser, NotActive."""
    user = _locked(user_id)
    user.ban(now=now, last_token_at=models.Session.revoke_all(user=user, now=now))
    _say(events.UserBanned, user)
    copies.changed()


@transaction.atomic
def reinstate_user(*, user_id: uuid.UUID) -> None:
    """Let a banned user sign in again. Raises UnknownUser, NotBanned."""
    user = _locked(user_id)
    user.reinstate()
    _say(events.UserReinstated, user)
    copies.changed()


@transaction.atomic
def close_user(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """Close an account and erase who it was. Raises UnknownUser, NotActive."""
    user = _locked(user_id)
    user.close(now=now, last_token_at=models.Session.revoke_all(user=user, now=now))
    _say(events.UserClosed, user)
    copies.changed()


@transaction.atomic
def set_roles(*, user_id: uuid.UUID, roles: Iterable[str], by: uuid.UUID | None) -> models.User:
    """Give a user exactly these roles; `by` is None for whoever runs the machine.

    Raises UnknownUser, OwnRoles, LastAdmin, NotActive, UnknownRole.
    """
    if user_id == by:
        raise OwnRoles
    _one_at_a_time(_ROLES_LOCK)
    user, wanted = _locked(user_id), sorted(set(roles))
    others = models.User.objects.filter(roles__contains=["admin"], active=True).exclude(pk=user_id)
    if user.is_superuser and "admin" not in wanted and not others.exists():
        raise LastAdmin
    if user.roles != wanted:
        user.take_roles(wanted)
        _say(events.UserUpdated, user)
    return user


def make_staff(*, email: str, password: str, now: dt.datetime) -> models.User:
    """An administrator of that address: the account is made, or given this password and the role."""
    encoded = passwords.encode(password)
    with transaction.atomic():
        user = models.User.with_email(email)
        if user is None:
            user = _registered(email, encoded, now)
        else:
            models.User.locked(user.pk).take_password(encoded)
        return set_roles(user_id=user.pk, roles={*user.roles, "admin"}, by=None)


@transaction.atomic
def ensure_signing_key(*, now: dt.datetime) -> models.SigningKey:
    """The key to sign with, made if there is none."""
    _one_at_a_time(_KEYS_LOCK)
    key = models.SigningKey.published().order_by("active_from").last()
    if key is None:
        key = tokens.make_key(now=now, active_from=now)
        outbox.publish(events.SigningKeyPublished(kid=key.kid))
        copies.keep_keys({kept.kid: kept.jwk for kept in models.SigningKey.published()})
    return key


def _registered(email: str, encoded: str, now: dt.datetime) -> models.User:
    user = models.User.register(email=email, password=encoded, now=now)
    _say(events.UserRegistered, user)
    return user


def _granted(user: models.User, session: models.Session, now: dt.datetime) -> Granted:
    access = tokens.issue(user=user, session=session, now=now)
    return Granted(user=user, access=access, refresh=session.refresh_token())


def _revoke(session: models.Session, now: dt.datetime) -> None:
    if not session.revoke(now):
        return
    # No token of it can live longer: the last was issued before this moment.
    expires_at = max(now, session.seen_at) + access_tokens.life() + access_tokens.LEEWAY
    outbox.publish(events.SessionRevoked(id=session.pk, user_id=session.user_id, expires_at=expires_at))
    copies.revoke_session(id=session.pk, user_id=session.user_id, expires_at=expires_at)


def _locked(user_id: uuid.UUID) -> models.User:
    try:
        return models.User.locked(user_id)
    except models.User.DoesNotExist as error:
        raise UnknownUser from error


def _say(event: type[UserEvent], user: models.User) -> None:
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


def _one_at_a_time(lock: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
