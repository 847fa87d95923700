"""The API's document is committed, and the API keeps it whatever is sent."""

import pytest

from shared.testing import openapi

api = openapi.operations("/api/users/schema")


def test_the_committed_document_is_what_the_code_says(tmp_path):
    openapi.demand_committed(tmp_path)


@pytest.mark.django_db(transaction=True)
@api.parametrize()
@openapi.bounded
def test_every_answer_is_as_documented(case, live_elsinore):
    openapi.demand_kept(case, {"Sec-Fetch-Site": "same-origin"})
