import pytest
from django.db import transaction
from django.db.models import Q

from shared import ids, tracing
from shared.contracts import orders
from shared.messaging import apply, models, outbox, timeline
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


def say(order, *, cause=None, request="request-1"):
    with transaction.atomic(), tracing.bind(request=request, trace=None, event=cause):
        outbox.publish(order)


def hear(event):
    envelope = stage.envelope(event)
    apply.apply(envelope, consumer="orders", now=stage.NOW)
    return envelope


def told(lines):
    return [(line.service, line.type) for line in lines]


class TestALife:
    def test_is_what_was_said_and_what_led_to_it(self):
        order = stage.order()
        say(order)
        reserved = hear(stage.ticket(said=stage.tickets.TicketReserved))
        confirmed = orders.OrderConfirmed(**{name: getattr(order, name) for name in order.__struct_fields__})
        say(confirmed, cause=reserved.id)

        lines = timeline.of(order.id)

        assert told(lines) == [
            ("orders", "order.created"),
            ("tickets", "ticket.reserved"),
            ("orders", "order.confirmed"),
        ]
        assert [line.heard for line in lines] == [False, True, False]
        assert lines[0].outcome == "not sent yet, version 0"
        assert lines[1].outcome == "Applied"
        assert lines[1].request_id == "request-7"

    def test_is_no_other_life(self):
        say(stage.order())
        hear(stage.ticket())

        assert timeline.of(ids.new()) == []

    def test_has_what_was_heard_besides(self):
        order, ticket = stage.order(), stage.ticket()
        say(order)
        hear(ticket)

        assert told(timeline.of(order.id, heard=Q(subject=str(ticket.id)))) == [
            ("orders", "order.created"),
            ("tickets", "ticket.updated"),
        ]

    def test_tells_the_cause_before_the_effect_though_one_transaction_gives_them_one_time(self):
        first, second = stage.order(), stage.order()
        with transaction.atomic():
            for order in (first, second):
                reserved = hear(stage.ticket(said=stage.tickets.TicketReserved))
                say(order, cause=reserved.id)

        assert told(timeline.of(second.id)) == [("tickets", "ticket.reserved"), ("orders", "order.created")]


class TestTheInbox:
    def test_remembers_what_an_event_was_about_and_whose_request_caused_it(self):
        ticket = stage.ticket()
        hear(ticket)

        row = models.InboxEvent.objects.get()
        assert (row.subject, row.request_id) == (str(ticket.id), "request-7")
