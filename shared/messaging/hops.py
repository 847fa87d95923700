"""The steps of an event on its way, told as spans: sent by the relay, processed by whoever has handlers for it.

Both stand below the step in which the event was said, which is what its `traceparent` names: it is the same bytes
whether it is sent for the first time or told again. Names are those of the conventions for messaging and CloudEvents:
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.db import transaction

from shared import spans, tracing
from shared.contracts import envelope as envelopes
from shared.contracts import registry
from shared.messaging import topology, wire


def sent(rows: Iterable[wire.Row], *, exchange: str, began: int) -> None:
    """Tell that the broker has confirmed these rows, for which the relay began to care at that nanosecond."""
    if not spans.are_told:
        return
    for row in rows:
        about = _about("send", row.type, row.subject, event_id=row.event_id, destination=exchange)
        with tracing.bind(request=row.request_id, trace=row.traceparent):
            spans.tell(f"send {row.type}", spans.Kind.PRODUCER, about, began=began)


def processing(envelope: envelopes.Envelope) -> AbstractContextManager[spans.Span]:
    """The step in which the handlers of an event are at work, in a transaction.

    It is told once that is committed. What is undone with a batch because of another event never was a step.
    """
    if not spans.are_told:
        return spans.untold()
    exchange = topology.exchange(registry.service_of(envelope.source))
    about = _about("process", envelope.type, envelope.subject, event_id=envelope.id, destination=exchange)
    return spans.span(f"process {envelope.type}", spans.Kind.CONSUMER, about, told=transaction.on_commit)


def _about(operation: str, type_: str, subject: str, *, event_id: Any, destination: str) -> dict[str, spans.Value]:
    return {
        "messaging.system": _SYSTEMS.get(settings.BROKER_URL.partition(":")[0], "memory"),
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": destination,
        "messaging.message.id": str(event_id),
        "cloudevents.event_type": type_,
        "cloudevents.event_subject": subject,
    }


_SYSTEMS = {"amqp": "rabbitmq", "amqps": "rabbitmq", "pgmq": "pgmq"}
