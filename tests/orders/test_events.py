"""The events are documented, and whatever was ever said can still be heard, with more or less in it than it had."""

import json
from unittest import mock

import msgspec
import pytest
from django.core import management

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


class TestDocument:
    @pytest.fixture
    def edited(self, tmp_path, monkeypatch):
        """`edited(change)` puts a changed copy in the place of the committed document."""

        def edit(change):
            document = json.loads(asyncapi.FILE.read_text())
            change(document)
            (tmp_path / "events.json").write_text(json.dumps(document))
            monkeypatch.setattr(asyncapi, "FILE", tmp_path / "events.json")
            return asyncapi.FILE

        return edit

    def test_that_keeps_a_subscription_to_itself_is_found(self, edited):
        edited(lambda document: document["operations"]["orders.hears.tickets.events"]["messages"].pop())

        with pytest.raises(AssertionError, match="what the code says"):
            asyncapi.demand_committed()

    def test_that_tells_an_older_contract_is_found(self, edited):
        edited(lambda document: document["components"]["schemas"]["OrderCreated"]["required"].remove("currency"))

        with pytest.raises(AssertionError, match="what the code says"):
            asyncapi.demand_committed()

    def test_is_written_anew_by_a_command_that_leaves_to_others_what_they_hear(self, edited):
        def change(document):
            hearing = document["operations"]
            hearing["payments.hears.orders.events"]["summary"] = "payments only knows"
            hearing["museum.hears.orders.events"] = hearing["tickets.hears.orders.events"]
            del hearing["orders.hears.payments.events"], document["components"]

        file = edited(change)

        management.call_command("asyncapi", file=file)

        written = json.loads(file.read_text())
        assert written["operations"]["payments.hears.orders.events"]["summary"] == "payments only knows"
        assert "museum.hears.orders.events" not in written["operations"]
        asyncapi.demand_committed()

    def test_is_written_where_there_was_none(self, tmp_path):
        management.call_command("asyncapi", file=tmp_path / "events.json")

        hears = {name for name in json.loads((tmp_path / "events.json").read_text())["operations"] if ".hears." in name}
        assert {name.partition(".")[0] for name in hears} == {"orders"}


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

    assert (
        acting[stage.status] | {"ticket.created", "ticket.snapshot", "user.registered"} <= tolerance.types_with_effect()
    )


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
