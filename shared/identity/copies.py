"""Keeping the copy: the only code that writes it. Everything runs in the caller's transaction.

Auth writes the same tables in the transaction that changes the truth, so that one verifier serves all services.
Whatever the verifier looks at is followed by `changed()`, last, for it takes a lock that lasts until commit.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, transaction

from shared.identity import erasure, models, users

CHANNEL = "identity_changed"


def keep_user(
    *,
    id: uuid.UUID,
    email: str | None,
    roles: Iterable[str],
    active: bool,
    tokens_valid_after: dt.datetime,
    version: int,
) -> None:
    """Write down a user as an event described it; without an address he is erased. Not for auth, which has no copy."""
    users.hold_alone(id)
    before = models.User.objects.filter(id=id).first() or models.User(id=id)
    if email is None:
        erasure.forget(user_id=id, email=before.email)
    known = {
        "email": email,
        "roles": list(roles),
        "active": active,
        "version": version,
        "tokens_valid_after": tokens_valid_after,
    }
    # Not update_or_create: its lock keeps out whoever writes a row that names this user, staff's deeds among them.
    if not models.User.objects.filter(id=id).update(**known):
        models.User.objects.create(id=id, **known)
    if (active, tokens_valid_after) != (before.active, before.tokens_valid_after):
        changed()


def revoke_session(*, id: uuid.UUID, user_id: uuid.UUID, expires_at: dt.datetime) -> None:
    """Refuse every token of that session from now on; none is alive after `expires_at`."""
    models.RevokedSession.objects.update_or_create(id=id, defaults={"user_id": user_id, "expires_at": expires_at})
    changed()


def keep_keys(keys: Mapping[str, dict[str, Any]]) -> None:
    """Make `keys` (public JWKs by kid) the keys that count. A retired one stays retired whatever the set says."""
    for kid, jwk in keys.items():
        models.PublicKey.objects.update_or_create(kid=kid, defaults={"jwk": jwk})
    models.PublicKey.objects.filter(retired=False).exclude(kid__in=keys).delete()
    changed()


def retire_key(kid: str) -> None:
    """Refuse everything that key has signed, also if the key should be fetched again."""
    models.PublicKey.objects.update_or_create(kid=kid, defaults={"retired": True})
    changed()


def want_keys() -> None:
    """Ask the background to fetch the key set soon."""
    _change("keys_wanted")


def keys_wanted() -> tuple[int, int]:
    """How often the key set was asked for, and which of these requests the last fetch has answered."""
    row = models.Change.objects.values_list("keys_wanted", "keys_fetched").first()
    return row or (0, 0)


def keys_fetched(answering: int) -> None:
    """The requests up to `answering` are answered."""
    models.Change.objects.filter(keys_fetched__lt=answering).update(keys_fetched=answering)


def changed() -> None:
    """Tell the verifiers of this service's processes, at commit, to read again."""
    _change("counter")
    # NOTIFY inside the transaction would take a lock on the whole database through the commit. Once is enough.
    if not any(hook[1] is notify for hook in connection.run_on_commit):
        transaction.on_commit(notify, robust=True)


def notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")


def prune(*, now: dt.datetime) -> None:
    """Forget sessions that no living token can belong to."""
    models.RevokedSession.objects.filter(expires_at__lt=now).delete()


def _change(column: str) -> None:
    """Count one of the row's columns up, making the row where it is not there (tests empty every table)."""
    row = {"counter": 0, "keys_wanted": 0, column: 1}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO identity_change AS change (id, counter, keys_wanted, keys_fetched)"
            " VALUES (1, %(counter)s, %(keys_wanted)s, 0) ON CONFLICT (id) DO UPDATE"
            " SET counter = change.counter + excluded.counter,"
            " keys_wanted = change.keys_wanted + excluded.keys_wanted",
            row,
        )
