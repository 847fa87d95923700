"""The keys that sign access tokens."""

import datetime as dt

from django.db import transaction

from auth_service.users import models, tokens
from auth_service.users.commands import people
from shared.contracts import users as events
from shared.identity import copies
from shared.messaging import outbox

_KEYS_LOCK = 0x6B657973


@transaction.atomic
def ensure_signing_key(*, now: dt.datetime) -> models.SigningKey:
    """The key to sign with, made if there is none."""
    people.one_at_a_time(_KEYS_LOCK)
    key = models.SigningKey.published().order_by("active_from").last()
    if key is None:
        key = tokens.make_key(now=now, active_from=now)
        outbox.publish(events.SigningKeyPublished(kid=key.kid))
        copies.keep_keys({kept.kid: kept.jwk for kept in models.SigningKey.published()})
    return key
