"""Forgetting somebody whose account is closed: what is personal goes, the rows stay, for others name their ids."""

import re
import uuid

from django.contrib.admin.models import LogEntry
from django.db.models import F, Func, Model, Value

from shared.http import idempotency
from shared.messaging import models as messaging
from shared.messaging import parked

ERASED = "(erased)"

# What staff has written by hand, and may have named somebody in; and what Django's admin called him.
_WRITTEN: tuple[tuple[type[Model], str], ...] = (
    (LogEntry, "change_message"),
    (LogEntry, "object_repr"),
    (messaging.ParkedMessage, "reason"),
)


def forget(*, user_id: uuid.UUID, email: str | None) -> None:
    """Erase what this service keeps of a user besides his row; in the transaction that empties that.

    `email` is the address by which he was known; None where this service has never heard it, or has forgotten it.
    """
    idempotency.forget(user_id)
    parked.redact(aggregate="user", subject=str(user_id), address=email)
    if email:
        for model, column in _WRITTEN:
            strike_out(email, model=model, column=column)


def strike_out(email: str, *, model: type[Model], column: str) -> None:
    """Take an address out of a text that people wrote, in whatever case and about whomever."""
    without = Func(F(column), Value(re.escape(email)), Value(ERASED), Value("gi"), function="regexp_replace")
    model._default_manager.filter(**{f"{column}__icontains": email}).update(**{column: without})
