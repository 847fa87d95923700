"""What is told of an event on its way."""

import contextlib

import pytest
from django.db import transaction
from opentelemetry.trace import SpanKind

from shared import tracing
from shared.contracts import tickets
from shared.messaging import intake, leadership, outbox, relay
from shared.testing import collector
from tests.shared.messaging import stage

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.fixture
def kept():
    with collector.kept() as kept:
        yield kept


class Audience:
    def publish(self, bodies, *, exchange, listeners):
        """Hears it, and confirms."""


class Nobody:
    def publish(self, bodies, *, exchange, listeners):
        raise ConnectionError


def relay_everything(publisher):
    with leadership.connect("relay") as connection:
        connection.execute(relay.FIRST_LOG_ROW)
        relay.relay_batch(connection, publisher)


def take(*envelopes):
    bodies = [stage.envelopes.encode(envelope) for envelope in envelopes]
    intake.take(stage.deliveries(*bodies), queue="orders.inbox")


def traced(event, **changes):
    return stage.msgspec.structs.replace(stage.envelope(event, **changes), traceparent=TRACEPARENT)


def place(span):
    return f"00-{span.context.trace_id:032x}-{span.parent.span_id:016x}-01"


class TestSent:
    @pytest.fixture(autouse=True)
    def _said(self, on_stage):
        self.order = stage.order()
        with tracing.bind(request="request-1", trace=TRACEPARENT), transaction.atomic():
            outbox.publish(self.order)

    def test_is_told_once_the_broker_has_confirmed(self, kept):
        relay_everything(Audience())

        span = kept.one()
        assert (span.name, span.kind, place(span)) == ("send order.created", SpanKind.PRODUCER, TRACEPARENT)
        told = dict(span.attributes)
        assert told.pop("messaging.message.id")
        assert told == {
            "messaging.system": "memory",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": "orders.events",
            "cloudevents.event_type": "order.created",
            "cloudevents.event_subject": str(self.order.id),
            "admit_one.request_id": "request-1",
        }

    def test_is_not_told_where_it_has_not(self, kept):
        with contextlib.suppress(ConnectionError):
            relay_everything(Nobody())

        assert kept.spans() == []


class TestProcessed:
    def test_stands_below_the_step_in_which_it_was_said(self, kept):
        envelope = traced(stage.ticket())

        take(envelope)

        span = kept.one()
        assert (span.name, span.kind, place(span)) == ("process ticket.updated", SpanKind.CONSUMER, TRACEPARENT)
        assert span.attributes == {
            "messaging.system": "memory",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": "tickets.events",
            "messaging.message.id": str(envelope.id),
            "cloudevents.event_type": "ticket.updated",
            "cloudevents.event_subject": envelope.subject,
            "admit_one.request_id": "request-7",
        }

    def test_has_below_it_what_its_handler_says(self, kept, monkeypatch):
        said = []
        monkeypatch.setitem(
            stage.HANDLERS, tickets.TicketUpdated, lambda _event, *, now: said.append(tracing.current())
        )
        stage.subscriptions_anew()

        take(traced(stage.ticket()))

        monkeypatch.undo()
        stage.subscriptions_anew()
        assert [(step.trace, step.id) for step in said] == [(TRACE, f"{kept.one().context.span_id:016x}")]

    def test_is_told_once_although_its_batch_was_done_again(self, kept):
        stage.refused.add("Macbeth")
        good, bad = stage.ticket(), stage.ticket(title="Macbeth")

        take(traced(good), traced(bad, position=2))

        told = [
            (span.attributes["cloudevents.event_subject"], span.attributes.get("error.type")) for span in kept.spans()
        ]
        assert [error for subject, error in told if subject == str(good.id)] == [None]
        assert {error for subject, error in told if subject == str(bad.id)} == {"Refused"}

    def test_would_be_told_twice_if_not_told_by_the_commit(self, kept, monkeypatch):
        """The negative control."""
        monkeypatch.setattr(transaction, "on_commit", lambda end: end())
        stage.refused.add("Macbeth")
        good = stage.ticket()

        take(traced(good), traced(stage.ticket(title="Macbeth"), position=2))

        assert [span.attributes["cloudevents.event_subject"] for span in kept.spans()].count(str(good.id)) == 2

    def test_is_not_told_of_what_has_no_effect(self, kept):
        ticket = stage.ticket(version=4)
        take(traced(ticket))
        envelope = traced(stage.ticket(id=ticket.id, version=3), position=2)

        take(envelope)
        take(envelope)

        assert kept.names() == ["process ticket.updated"]
