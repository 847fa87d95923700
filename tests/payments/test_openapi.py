"""The API's document is committed, and the API keeps it whatever is sent."""

import pytest

from shared.testing import openapi
from tests.payments.factories import PaymentFactory

api = openapi.operations("/api/payments/schema")


def test_the_committed_document_is_what_the_code_says(tmp_path):
    openapi.demand_committed(tmp_path)


@pytest.mark.django_db(transaction=True)
@api.parametrize()
@openapi.bounded
def test_every_answer_is_as_documented(case, issuer):
    payment = PaymentFactory(status="voided")
    if isinstance(case.body, dict) and "orderId" in case.body:
        case.body["orderId"] = str(payment.order_id)
    if "payment_id" in case.path_parameters:
        case.path_parameters["payment_id"] = str(payment.id)

    openapi.demand_kept(case, issuer.bearer(user_id=payment.user_id))
