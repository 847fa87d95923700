"""Who asks about orders: their buyers."""

import uuid
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders_service.orders import commands, queries, serializers
from shared import clock
from shared.http import etags, idempotency, pagination, paths
from shared.identity import authentication

ID = OpenApiParameter("order_id", uuid.UUID, OpenApiParameter.PATH)
NEWEST_FIRST = ("-created_at", "-id")


class Orders(APIView):
    @extend_schema(
        operation_id="listOrders",
        responses=serializers.Order(many=True),
        parameters=[*serializers.PARAMETERS, *pagination.PARAMETERS],
    )
    def get(self, request: Request) -> Response:
        """One's own orders, the newest first."""
        user_id = authentication.caller(request).user_id
        found = serializers.Search.read(request, queries.orders_of(user_id))
        return pagination.page(request, found, order=NEWEST_FIRST, show=_shown, scope=str(user_id))

    @extend_schema(operation_id="placeOrder", request=serializers.NewOrder, responses={201: serializers.Order})
    def post(self, request: Request) -> idempotency.Answer:
        """Claim a ticket at its present price."""
        wanted = serializers.NewOrder(data=request.data)
        wanted.is_valid(raise_exception=True)

        def action() -> Response:
            order = commands.place_order(
                user_id=authentication.caller(request).user_id,
                window=settings.ORDER_WINDOW,
                most_unpaid=settings.LIVE_RESERVATIONS_PER_USER,
                now=clock.now(),
                **wanted.validated_data,
            )
            answer = etags.answer(request, _shown(order), version=order.version, status=201)
            answer["Location"] = f"/api/orders/{order.id}"
            return answer

        return idempotency.once(request, action)


class Order(APIView):
    @extend_schema(operation_id="getOrder", parameters=[ID], responses=serializers.Order)
    def get(self, request: Request, order_id: str) -> Response:
        """One order of one's own."""
        order = queries.get_order(order_id=paths.read_id(order_id), user_id=authentication.caller(request).user_id)
        return etags.answer(request, _shown(order), version=order.version)

    @extend_schema(operation_id="cancelOrder", parameters=[ID], responses={204: None})
    def delete(self, request: Request, order_id: str) -> Response:
        """Give an unpaid order up; once more is no harm."""
        commands.cancel_order(
            order_id=paths.read_id(order_id),
            user_id=authentication.caller(request).user_id,
            precondition=etags.precondition(request),
        )
        return Response(status=204)


def _shown(order: Any) -> object:
    return serializers.Order(order).data
