"""What every service hears of auth: people, ended sessions, and that the set of keys has changed."""

import datetime as dt
from collections.abc import Callable

from shared.contracts import events, users
from shared.identity import copies


def user_changed(event: users.UserEvent, *, now: dt.datetime) -> None:
    copies.keep_user(
        id=event.id,
        email=event.email,
        roles=event.roles,
        active=event.active,
        tokens_valid_after=event.tokens_valid_after,
        version=event.version,
    )


def session_revoked(event: users.SessionRevoked, *, now: dt.datetime) -> None:
    copies.revoke_session(id=event.id, user_id=event.user_id, expires_at=event.expires_at)


def signing_key_published(event: users.SigningKeyPublished, *, now: dt.datetime) -> None:
    copies.want_keys()


def signing_key_retired(event: users.SigningKeyRetired, *, now: dt.datetime) -> None:
    copies.retire_key(event.kid)
    copies.want_keys()


HANDLERS: dict[type[events.Event], Callable[..., None]] = {
    users.UserRegistered: user_changed,
    users.UserUpdated: user_changed,
    users.UserBanned: user_changed,
    users.UserReinstated: user_changed,
    users.UserClosed: user_changed,
    users.UserSnapshot: user_changed,
    users.SessionRevoked: session_revoked,
    users.SigningKeyPublished: signing_key_published,
    users.SigningKeyRetired: signing_key_retired,
}
