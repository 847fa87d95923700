"""Who asks about encores: buyers, about what they have bought."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from encore_service.encores import queries, serializers
from shared.http import etags, pagination, paths
from shared.identity import authentication

ID = OpenApiParameter("order_id", uuid.UUID, OpenApiParameter.PATH)
NEWEST_FIRST = ("-created_at", "-id")


class Purchases(APIView):
    @extend_schema(
        operation_id="listPurchases", responses=serializers.Purchase(many=True), parameters=pagination.PARAMETERS
    )
    def get(self, request: Request) -> Response:
        """What one has bought, the newest first."""
        user_id = authentication.caller(request).user_id
        found = queries.purchases_of(user_id)
        return pagination.page(request, found, order=NEWEST_FIRST, show=_shown, scope=str(user_id))


class Purchase(APIView):
    @extend_schema(operation_id="getPurchase", parameters=[ID], responses=serializers.Purchase)
    def get(self, request: Request, order_id: str) -> Response:
        """One purchase of one's own, by the id of its order."""
        user_id = authentication.caller(request).user_id
        purchase = queries.get_purchase(order_id=paths.read_id(order_id), user_id=user_id)
        return etags.answer(request, _shown(purchase), version=purchase.version)


def _shown(purchase: Any) -> object:
    return serializers.Purchase(purchase).data
