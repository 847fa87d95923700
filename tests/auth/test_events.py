"""The events are documented, and auth, which listens to nobody, takes no harm from what others say."""

from shared.testing import asyncapi, tolerance


def test_the_committed_document_is_what_the_code_says():
    asyncapi.demand_committed()


@tolerance.every_specimen
def test_every_example_can_be_heard(specimen, db):
    tolerance.demand_tolerance(specimen)


@tolerance.every_specimen
def test_a_version_that_is_no_more_is_passed_over(specimen, db):
    tolerance.demand_indifference(specimen)
