"""Forgetting: of the log what is old and was sent, of the inbox what no replay can bring again."""

import datetime as dt
import functools
import itertools
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from shared.messaging.models import InboxEvent, Log, OutboxEvent, Outcome, Progress, ReplayRequest

_BATCH = 2000
_BATCHES = 50  # in one run, for the other sweeps wait meanwhile


def prune(*, now: dt.datetime) -> None:
    """Forget what is older than MESSAGING_LOG_RETENTION and MESSAGING_INBOX_RETENTION, a batch a transaction.

    A run has an end: what it leaves, the next one takes.
    """
    _in_batches(functools.partial(prune_log, before=now - settings.MESSAGING_LOG_RETENTION))
    _in_batches(functools.partial(prune_inbox, before=now - settings.MESSAGING_INBOX_RETENTION))


def _in_batches(prune_one: Callable[[], int]) -> None:
    for _ in range(_BATCHES):
        if prune_one() < _BATCH:
            return


@transaction.atomic
def prune_log(*, before: dt.datetime) -> int:
    """Take up to a batch off the beginning of the log; how many rows went.

    Only what was sent, and only from the beginning: what is left has no gaps. Nothing while somebody is being told
    again: the state of what goes would then have to be said anew.
    """
    own = Log.objects.select_for_update().first()
    if own is None or ReplayRequest.objects.exists():
        return 0
    eldest = OutboxEvent.objects.filter(position__isnull=False).order_by("epoch", "position")[:_BATCH]
    gone = list(itertools.takewhile(lambda row: row.sent_at is not None and row.occurred_at < before, eldest))
    OutboxEvent.objects.filter(pk__in=[row.pk for row in gone]).delete()
    if gone and gone[-1].epoch == own.epoch:
        own.pruned_to = gone[-1].position or 0
        own.save(update_fields=["pruned_to"])
    return len(gone)


def prune_inbox(*, before: dt.datetime) -> int:
    """Take up to a batch off the beginnings of the logs as they were heard; how many rows went.

    Only what was heard before then, as far as a log was followed without a gap, and up to the first that was heard
    later, as a retried one. What is parked is remembered as long as somebody may retry it.
    """
    gone = 0
    newest = dict(Progress.objects.values_list("source").annotate(Max("epoch")))
    for row in Progress.objects.all():
        heard = InboxEvent.objects.filter(consumer=settings.SERVICE, source=row.source, epoch=row.epoch)
        if row.epoch == newest[row.source]:
            heard = heard.filter(position__lte=row.seen_to)
        eldest = heard.exclude(outcome=Outcome.PARKED).order_by("position").values_list("pk", "received_at")
        old = itertools.takewhile(lambda one: one[1] < before, eldest[: _BATCH - gone])
        gone += InboxEvent.objects.filter(pk__in=[pk for pk, _ in old]).delete()[0]
    return gone
