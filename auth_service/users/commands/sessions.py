"""Signing in and out, and staying signed in."""

import dataclasses
import datetime as dt
import uuid

from django.db import transaction

from auth_service.users import models, passwords, tokens
from auth_service.users.commands import people
from shared import errors
from shared.contracts import users as events
from shared.identity import copies
from shared.identity import tokens as access_tokens
from shared.messaging import outbox


class InvalidCredentials(errors.Invalid):
    code = "invalid_credentials"
    detail = "Invalid credentials"


class UnknownSession(errors.NotFound):
    detail = "You have no such session."


class InvalidRefreshToken(errors.Unauthenticated):
    code = "invalid_refresh_token"
    detail = "This session has ended. Sign in again."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Granted:
    """A session that was started or renewed: whose it is, and the tokens to hand over."""

    user: models.User
    access: str
    refresh: str


def sign_in(*, email: str, password: str, agent: str, now: dt.datetime) -> Granted:
    """Start a session. Raises InvalidCredentials, alike for unknown, wrong and banned and after the same work."""
    found = proven(models.User.with_email(email), password)
    with transaction.atomic():
        user = locked_unchanged(found)
        return grant(user, models.Session.start(user=user, agent=agent, now=now), now)


def proven(found: models.User | None, password: str, *, field: str | None = None) -> models.User:
    """The user, if this is the password, after the same work if not. Raises InvalidCredentials."""
    if not passwords.matches(found.password if found else None, password) or found is None or not found.active:
        raise InvalidCredentials(field=field)
    return found


def locked_unchanged(found: models.User) -> models.User:
    """A user whose password was proven, his row locked, if that still means something. Raises InvalidCredentials."""
    user = people.locked(found.pk)
    if not user.active or user.password != found.password:
        raise InvalidCredentials
    return user


def refresh_session(*, refresh_token: str, agent: str, now: dt.datetime) -> Granted:
    """Like `resume_session`, for who cannot go on without. Raises InvalidRefreshToken."""
    granted = resume_session(refresh_token=refresh_token, agent=agent, now=now)
    if granted is None:  # raised here, outside the transaction, so that a revocation stays
        raise InvalidRefreshToken
    return granted


def resume_session(*, refresh_token: str, agent: str, now: dt.datetime) -> Granted | None:
    """Renew a session: new tokens for its current refresh token, or for the one before within the grace.

    A genuine token that is neither was used twice: the session ends. None where there is nothing to renew.
    """
    read = models.read_refresh_token(refresh_token)
    return None if read is None else _renew(*read, agent=agent, now=now)


@transaction.atomic
def _renew(family: uuid.UUID, generation: int, *, agent: str, now: dt.datetime) -> Granted | None:
    rotated = models.Session.rotate(family=family, generation=generation, agent=agent, now=now)
    if rotated is not None:
        return grant(rotated.user, rotated, now)
    session = models.Session.locked(family)
    if session is None or not session.is_alive(now):
        return None
    if session.is_graceful(generation=generation, now=now):
        session.seen(now)
        return grant(session.user, session, now)
    revoke(session, now)
    return None


@transaction.atomic
def sign_out(*, session_id: uuid.UUID | None, refresh_token: str | None, now: dt.datetime) -> None:
    """End the session that an access token names, and the one of a refresh token; quiet where there is none."""
    read = models.read_refresh_token(refresh_token or "")
    families = {session_id, read[0] if read else None} - {None}
    # All rows are locked before the first revocation, which takes the lock on the change counter.
    for session in models.Session.locked_among(families):
        revoke(session, now)


@transaction.atomic
def end_session(*, user_id: uuid.UUID, session_id: uuid.UUID, now: dt.datetime) -> None:
    """End one of a user's sessions; quiet where it had ended. Raises UnknownSession."""
    session = models.Session.locked(session_id)
    if session is None or session.user_id != user_id:
        raise UnknownSession
    revoke(session, now)


@transaction.atomic
def end_sessions(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """Sign a user out everywhere. Raises UnknownUser."""
    revoke_all(people.locked(user_id), now)


def revoke_all(user: models.User, now: dt.datetime, *, but: uuid.UUID | None = None) -> None:
    """End all sessions, but one, of a user whose row is locked, so that no other begins meanwhile."""
    # All rows are locked before the first revocation, which takes the lock on the change counter.
    for session in models.Session.locked_of(user):
        if session.pk != but:
            revoke(session, now)


def grant(user: models.User, session: models.Session, now: dt.datetime) -> Granted:
    """Fresh tokens for a session. Raises NoSigningKey."""
    access = tokens.issue(user=user, session=session, now=now)
    return Granted(user=user, access=access, refresh=session.refresh_token())


def revoke(session: models.Session, now: dt.datetime) -> None:
    """End a session, whose row is locked, everywhere; quiet where it had ended."""
    if not session.revoke(now):
        return
    # No token of it can live longer: the last was issued before this moment.
    expires_at = max(now, session.seen_at) + access_tokens.life() + access_tokens.LEEWAY
    outbox.publish(events.SessionRevoked(id=session.pk, user_id=session.user_id, expires_at=expires_at))
    copies.revoke_session(id=session.pk, user_id=session.user_id, expires_at=expires_at)
