"""The events are documented, and whatever was ever said can still be heard, with more or less in it than it had."""

import json
from unittest import mock

import msgspec
import pytest

from shared.contracts import events, orders, payments, registry, specimens, tickets
from shared.messaging import apply
from shared.testing import asyncapi, tolerance
from tests.orders.factories import OrderFactory

ORDER = specimens.of(orders.OrderCompleted)[0].data


@pytest.fixture(params=["created", "awaiting_payment", "complete"])
def stage(request, db):
    """The order that the examples are about, in one of its states."""
    paid = {"payment_id": ORDER["paymentId"]} if request.param == "complete" else {}
    known = {"id": ORDER["id"], "user_id": ORDER["userId"], "ticket_id": ORDER["ticketId"]}
    return OrderFactory(**known, status=request.param, **paid)


def test_the_committed_document_is_what_the_code_says():
    asyncapi.demand_committed()


@tolerance.every_specimen
def test_every_example_is_heard_and_what_nobody_knows_changes_nothing(specimen, stage):
    tolerance.demand_tolerance(specimen)


@tolerance.every_specimen
def test_a_version_that_is_no_more_is_passed_over(specimen, db):
    tolerance.demand_indifference(specimen)


def test_the_examples_do_something(stage):
    acting = {
        "created": {"ticket.reserved", "ticket.reservation_refused"},
        "awaiting_payment": {"payment.authorized"},
        "complete": {"payment.voided", "payment.failed", "payment.refunded"},
    }

    assert acting[stage.status] | {"ticket.created", "user.registered"} <= tolerance.types_with_effect()


class TestTheCheckItself:
    """It has to find a reader who is not tolerant."""

    RESERVED = specimens.of(tickets.TicketReserved)[0]
    REFUNDED = specimens.of(payments.PaymentRefunded)[0]

    @pytest.fixture
    def reading(self, monkeypatch, stage):
        """`reading(demand)` has `demand(event's members, members in the message)` before anything is read."""

        def demand_first(demand):
            def read(event_type, data):
                demand(
                    {field.encode_name for field in msgspec.structs.fields(event_type)}, set(json.loads(bytes(data)))
                )
                return events.from_data(event_type, data)

            monkeypatch.setattr(apply, "events", mock.Mock(wraps=events, from_data=read))

        return demand_first

    def test_finds_one_who_refuses_what_he_does_not_know(self, reading):
        def demand(known, told):
            assert told <= known, "never heard of it"

        reading(demand)

        with pytest.raises(AssertionError, match="never heard of it"):
            tolerance.demand_tolerance(self.RESERVED)

    def test_finds_one_who_needs_what_is_optional(self, reading):
        def demand(known, told):
            assert known <= told, "cannot do without it"

        reading(demand)

        with pytest.raises(AssertionError, match="cannot do without it"):
            tolerance.demand_tolerance(self.REFUNDED)

    def test_finds_one_who_acts_by_what_he_does_not_know(self, reading):
        def demand(known, told):
            if told - known:
                OrderFactory(awaiting=True)

        reading(demand)

        with pytest.raises(AssertionError, match="unknown members change"):
            tolerance.demand_tolerance(self.RESERVED)

    def test_finds_one_who_takes_every_version_for_the_one_he_knows(self, monkeypatch, stage):
        monkeypatch.setattr(registry, "find", lambda _type, _schema: tickets.TicketReserved)

        with pytest.raises(AssertionError, match="parked"):
            tolerance.demand_indifference(self.RESERVED)
