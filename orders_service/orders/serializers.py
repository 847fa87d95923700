"""What a buyer asks for, and how an order is shown."""

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers
from rest_framework.request import Request

from orders_service.orders import models
from shared import money
from shared.http import fields


class NewOrder(serializers.Serializer[Any]):
    ticketId = fields.IdField(source="ticket_id")


class OrderedTicket(serializers.Serializer[models.Order]):
    """The ticket as it was when it was ordered."""

    id = serializers.UUIDField(source="ticket_id")
    title = serializers.CharField(source="ticket_title")
    price = serializers.SerializerMethodField()
    currency = serializers.CharField()
    version = serializers.IntegerField(source="ticket_version")

    def get_price(self, order: models.Order) -> float:
        return money.from_minor(order.amount_minor, order.currency)  # type: ignore[return-value] # shown as a number


class Order(serializers.Serializer[models.Order]):
    id = serializers.UUIDField()
    userId = serializers.UUIDField(source="user_id")
    status = serializers.ChoiceField(models.Order.Status.choices)
    expiresAt = serializers.DateTimeField(source="expires_at")
    ticket = OrderedTicket(source="*")
    version = serializers.IntegerField()
    createdAt = serializers.DateTimeField(source="created_at")


PARAMETERS = [OpenApiParameter("status", str, enum=models.Order.Status.values, description="only those")]


class Search(filters.FilterSet):
    status = filters.ChoiceFilter(choices=models.Order.Status.choices)

    class Meta:
        model = models.Order
        fields: tuple[str, ...] = ()

    @classmethod
    def read(cls, request: Request, orders: models.OrderQuerySet) -> models.OrderQuerySet:
        """Those that are asked for. Raises ValidationError for a parameter that makes no sense."""
        search = cls(request.query_params, queryset=orders)
        if not search.is_valid():
            raise exceptions.ValidationError(search.errors)
        found: models.OrderQuerySet = search.qs  # type: ignore[assignment] # the same class that went in
        return found
