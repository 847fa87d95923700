"""The keys that sign access tokens: one that signs, and one that is known everywhere before it does.

Whoever changes them holds one lock until he commits, so nobody ever sees a market without a key to sign with.
"""

import datetime as dt

from django.db import transaction

from auth_service.users import models, tokens
from auth_service.users.commands import people
from shared import errors
from shared.contracts import users as events
from shared.identity import actions, copies
from shared.messaging import outbox

_KEYS_LOCK = 0x6B657973


class StandbyTooNew(errors.Conflict):
    code = "standby_too_new"

    def __init__(self, known_from: dt.datetime) -> None:
        super().__init__(f"The next key may not be known everywhere yet; it is from {known_from:%FT%TZ} on.")


@transaction.atomic
def ensure_signing_key(*, now: dt.datetime) -> models.SigningKey:
    """The key to sign with; it and its standby are made where they are missing."""
    people.one_at_a_time(_KEYS_LOCK)
    return _current(now)


@transaction.atomic
def rotate_signing_key(
    *,
    now: dt.datetime,
    insist: bool = False,
    kid: str | None = None,
    by: models.User | None = None,
    reason: str = "",
) -> models.SigningKey:
    """Let the standby sign from now on, and publish another. The key that signs now.

    `kid` is the one that is thought to sign, lest two people rotate it twice. Raises UnknownKey and WrongKeyState
    where it does not, and StandbyTooNew, unless told to `insist`: services that have not fetched it refuse its tokens
    until they do.
    """
    _hold_keys(by)
    current, standby = _current(now), _standby(now)
    if kid is not None and kid != current.kid:
        raise models.WrongKeyState(models.SigningKey.called(kid), "rotated")
    if now < standby.known_from and not insist:
        raise StandbyTooNew(standby.known_from)
    current.supersede(now)
    _record(by, current, "rotated", reason)
    return _promote(standby, now)


@transaction.atomic
def revoke_signing_key(
    *, kid: str, now: dt.datetime, by: models.User | None = None, reason: str = ""
) -> models.SigningKey:
    """Refuse everything that a key has signed, everywhere. The key that signs now.

    The standby takes the place of the current one however new it is: what leaked does not wait. Raises UnknownKey,
    WrongKeyState.
    """
    _hold_keys(by)
    standby, leaked = _standby(now), models.SigningKey.called(kid)
    was_current = leaked.status == leaked.Status.CURRENT
    _retire(leaked, now)
    _record(by, leaked, "revoked", reason)
    return _promote(standby, now) if was_current else _current(now)


@transaction.atomic
def tend_signing_keys(*, now: dt.datetime) -> None:
    """What the clock asks of keys: retire those whose tokens are over, rotate one that has signed for long."""
    people.one_at_a_time(_KEYS_LOCK)
    current, standby = _current(now), _standby(now)
    for key in models.SigningKey.outlived(now):
        _retire(key, now)
    if current.is_due(now) and standby.known_from <= now:
        current.supersede(now)
        _promote(standby, now)


def _hold_keys(by: models.User | None) -> None:
    """Let nobody else change keys, nor him who does, whose row the log of actions would lock last of all."""
    people.one_at_a_time(_KEYS_LOCK)
    if by is not None:
        people.locked(by.pk)


def _current(now: dt.datetime) -> models.SigningKey:
    current = models.SigningKey.current()
    if current is None:
        return _promote(_standby(now), now)
    _standby(now)
    return current


def _standby(now: dt.datetime) -> models.SigningKey:
    return models.SigningKey.standby() or _publish(now)


def _promote(standby: models.SigningKey, now: dt.datetime) -> models.SigningKey:
    standby.activate(now)
    _publish(now)
    return standby


def _publish(now: dt.datetime) -> models.SigningKey:
    """Make another standby and let everybody fetch it."""
    key = tokens.make_key(now=now)
    outbox.publish(events.SigningKeyPublished(kid=key.kid))
    copies.keep_keys({kept.kid: kept.jwk for kept in models.SigningKey.published()})
    return key


def _retire(key: models.SigningKey, now: dt.datetime) -> None:
    key.retire(now)
    outbox.publish(events.SigningKeyRetired(kid=key.kid))
    copies.retire_key(key.kid)


def _record(by: models.User | None, key: models.SigningKey, what: str, reason: str) -> None:
    """`by` is None for whoever runs the machine."""
    if by is not None:
        actions.record(by=by, target=key, what=what, reason=reason)
