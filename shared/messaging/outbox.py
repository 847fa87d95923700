"""Saying something: `publish` writes the event beside the change it tells of; the relay sends it later."""

import json

from django.conf import settings
from django.db import transaction

from shared import tracing
from shared.contracts import envelope, events, redaction, registry
from shared.messaging import models

CHANNEL = "outbox"
_REDACT = """
UPDATE messaging_outboxevent SET data = data || %s::jsonb WHERE subject = %s AND starts_with(type, %s)
"""


class NotInTransaction(RuntimeError):
    """An event was to be published outside the transaction of the change it tells of."""


class ForeignEvent(RuntimeError):
    """An event was to be published that another service owns."""


def publish(event: events.Event) -> None:
    """Say `event` if, and only if, the transaction of the caller commits.

    The aggregate's row has to be locked by the caller before (by its update, for one): then the order of the log is
    the order of the aggregate's changes. Raises NotInTransaction and ForeignEvent.
    """
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction(f"{event.TYPE} has to be published in the transaction of its change")
    if registry.service_of(event.SOURCE) != settings.SERVICE:
        raise ForeignEvent(f"{event.TYPE} belongs to {event.SOURCE}, this is {settings.SERVICE}")
    models.OutboxEvent.objects.create(
        type=event.TYPE,
        dataschema=envelope.schema_urn(type(event)),
        subject=event.subject,
        aggregate_version=event.aggregate_version,
        data=events.to_builtins(event),
        cause_id=tracing.cause.get(),
        request_id=tracing.request_id.get(),
        traceparent=tracing.traceparent.get(),
    )
    _wake_relay_after_commit()


def redact(*, aggregate: str, subject: str) -> None:
    """Rewrite what this log tells of an aggregate, sent or not, without its personal members.

    In the transaction that closes it, whose lock on its row keeps others from saying more. Ids, types and positions
    stay: nobody who follows the log sees a hole.
    """
    with transaction.get_connection().cursor() as cursor:
        cursor.execute(_REDACT, [json.dumps(redaction.PERSONAL[aggregate]), subject, f"{aggregate}."])


def _wake_relay_after_commit() -> None:
    """Once a transaction, after it: a NOTIFY inside takes a lock on the whole database until the commit is done."""
    waiting = transaction.get_connection().run_on_commit
    if not any(hook[1] is _wake_relay for hook in waiting):
        transaction.on_commit(_wake_relay, robust=True)


def _wake_relay() -> None:
    with transaction.get_connection().cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
