"""Who asks about payments: the buyers who pay."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from payments_service.payments import commands, queries, serializers
from shared import clock
from shared.http import etags, idempotency, pagination, paths
from shared.identity import authentication

ID = OpenApiParameter("payment_id", uuid.UUID, OpenApiParameter.PATH)
NEWEST_FIRST = ("-created_at", "-id")


class Payments(APIView):
    @extend_schema(
        operation_id="listPayments", responses=serializers.Payment(many=True), parameters=pagination.PARAMETERS
    )
    def get(self, request: Request) -> Response:
        """One's own payments, the newest first."""
        user_id = authentication.caller(request).user_id
        found = queries.payments_of(user_id)
        return pagination.page(request, found, order=NEWEST_FIRST, show=_shown, scope=str(user_id))

    @extend_schema(operation_id="pay", request=serializers.NewPayment, responses={201: serializers.Payment})
    def post(self, request: Request) -> idempotency.Answer:
        """Pay an order; `unknown` in the answer means that the provider's word is still to be looked up."""
        wanted = serializers.NewPayment(data=request.data)
        wanted.is_valid(raise_exception=True)

        def action() -> Response:
            payment = commands.pay(
                user_id=authentication.caller(request).user_id,
                idempotency_key=idempotency.key_of(request),
                now=clock.now(),
                **wanted.validated_data,
            )
            payment.demand_accepted()
            answer = etags.answer(request, _shown(payment), version=payment.version, status=201)
            answer["Location"] = f"/api/payments/{payment.id}"
            return answer

        return idempotency.across(request, action)


class Payment(APIView):
    @extend_schema(operation_id="getPayment", parameters=[ID], responses=serializers.Payment)
    def get(self, request: Request, payment_id: str) -> Response:
        """One payment of one's own."""
        payment = queries.get_payment(
            payment_id=paths.read_id(payment_id), user_id=authentication.caller(request).user_id
        )
        return etags.answer(request, _shown(payment), version=payment.version)


def _shown(payment: Any) -> object:
    return serializers.Payment(payment).data
