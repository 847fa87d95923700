"""The events are documented, and whatever was ever said can still be heard, with more or less in it than it had."""

from shared.testing import asyncapi, tolerance


def test_the_committed_document_is_what_the_code_says():
    asyncapi.demand_committed()


@tolerance.every_specimen
def test_every_example_is_heard_and_what_nobody_knows_changes_nothing(specimen, db):
    tolerance.demand_tolerance(specimen)


@tolerance.every_specimen
def test_a_version_that_is_no_more_is_passed_over(specimen, db):
    tolerance.demand_indifference(specimen)


def test_the_examples_do_something(db):
    assert {"ticket.created", "order.completed", "user.registered"} <= tolerance.types_with_effect()
