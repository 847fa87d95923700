"""The events are documented, and whatever was ever said can still be heard, with more or less in it than it had."""

import pytest

from shared.contracts import orders, specimens
from shared.testing import asyncapi, tolerance
from tests.tickets.factories import TicketFactory

ORDER = specimens.of(orders.OrderCreated)[0].data


@pytest.fixture(params=["on_sale", "reserved", "sold"])
def stage(request, db):
    """The ticket that the examples are about, in one of its states."""
    holder = {} if request.param == "on_sale" else {"order_id": ORDER["id"]}
    return TicketFactory(id=ORDER["ticketId"], status=request.param, **holder)


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
        "on_sale": {"order.created"},
        "reserved": {"order.cancelled", "order.expired", "order.completed", "order.refunded"},
        "sold": {"order.refunded"},
    }

    assert acting[stage.status] | {"user.registered", "session.revoked"} <= tolerance.types_with_effect()
