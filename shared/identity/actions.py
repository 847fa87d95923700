"""What staff did, to what and why: one row a deed, in the log that Django's admin shows as an object's history.

Written by whoever does the deed, an API endpoint's command or an admin page's, in the transaction of the deed: what
is undone was never done, and nothing is done without saying who.
"""

import dataclasses
import json
import logging
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models as django_models
from django.db import transaction

from shared.identity import models

logger = logging.getLogger(__name__)

Target = django_models.Model | tuple[type[django_models.Model], Any]


class NotInTransaction(RuntimeError):
    """A deed was to be recorded outside the transaction that does it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deed:
    """What an entry of the log says besides who, when and to what."""

    what: str
    reason: str = ""


def record(*, by: models.Account, target: Target, what: str, reason: str = "") -> LogEntry:
    """Write down that `by` did `what` (a past participle: "banned") to `target`, a row or (model, id).

    The row is called by its id alone: an entry outlives the account that it tells of, and `reason` is the one place
    where a human may have named somebody. Raises NotInTransaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction(f"{what!r} has to be recorded in the transaction that does it")
    model, pk = target if isinstance(target, tuple) else (type(target), target.pk)
    name = model._meta.verbose_name
    logger.info("%s %s: %s by %s", name, pk, what, by.pk)
    return LogEntry.objects.create(
        user_id=by.pk,
        content_type=ContentType.objects.get_for_model(model),
        object_id=str(pk),
        object_repr=f"{name} {pk}",
        action_flag=CHANGE,
        change_message=json.dumps(dataclasses.asdict(Deed(what=what, reason=reason)), ensure_ascii=False),
    )


def read(entry: LogEntry) -> Deed:
    """The deed of an entry; of one that something else wrote, its message as it is."""
    try:
        return Deed(**json.loads(entry.change_message))
    except (TypeError, ValueError):
        return Deed(what=entry.get_change_message())
