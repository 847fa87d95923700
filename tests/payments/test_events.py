"""The events are documented, and whatever was ever said can still be heard, with more or less in it than it had."""

import pytest

from shared.contracts import orders, specimens
from shared.testing import asyncapi, tolerance
from tests.payments.factories import OrderFactory, PaymentFactory

ORDER = specimens.of(orders.OrderCompleted)[0].data


@pytest.fixture
def stage(db):
    """The payment that the examples are about, authorized and not decided."""
    order = OrderFactory(id=ORDER["id"], user_id=ORDER["userId"], version=0)
    return PaymentFactory(id=ORDER["paymentId"], status="authorized", order=order)


def test_the_committed_document_is_what_the_code_says():
    asyncapi.demand_committed()


@tolerance.every_specimen
def test_every_example_is_heard_and_what_nobody_knows_changes_nothing(specimen, stage):
    tolerance.demand_tolerance(specimen)


@tolerance.every_specimen
def test_a_version_that_is_no_more_is_passed_over(specimen, db):
    tolerance.demand_indifference(specimen)


def test_the_examples_do_something(stage):
    acting = {"order.cancelled", "order.expired", "order.completed", "order.refunded", "order.payment_refused"}

    assert acting | {"order.created", "user.registered"} <= tolerance.types_with_effect()
