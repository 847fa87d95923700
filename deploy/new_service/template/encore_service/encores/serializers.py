"""How a purchase is shown."""

from rest_framework import serializers

from encore_service.encores import models
from shared import money


class Purchase(serializers.Serializer[models.Order]):
    id = serializers.UUIDField()
    ticketId = serializers.UUIDField(source="ticket_id")
    title = serializers.CharField(source="ticket_title")
    venue = serializers.CharField(allow_null=True)
    startsAt = serializers.DateTimeField(source="starts_at", allow_null=True)
    price = serializers.SerializerMethodField()
    currency = serializers.CharField()
    createdAt = serializers.DateTimeField(source="created_at")

    def get_price(self, order: models.Order) -> float:
        return money.from_minor(order.amount_minor, order.currency)  # type: ignore[return-value] # shown as a number
