"""The API's document is committed, and the API keeps it whatever is sent."""

import pytest

from shared.testing import openapi
from tests.encore.factories import OrderFactory

api = openapi.operations("/api/encores/schema")


def test_the_committed_document_is_what_the_code_says(tmp_path):
    openapi.demand_committed(tmp_path)


@pytest.mark.django_db(transaction=True)
@api.parametrize()
@openapi.bounded
def test_every_answer_is_as_documented(case, issuer):
    order = OrderFactory()
    if "order_id" in case.path_parameters:
        case.path_parameters["order_id"] = str(order.id)

    openapi.demand_kept(case, issuer.bearer(user_id=order.user_id))
