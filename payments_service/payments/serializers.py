"""What a buyer pays with, and how a payment is shown."""

from typing import Any

from rest_framework import serializers

from payments_service.payments import models
from shared import money
from shared.http import fields


class NewPayment(serializers.Serializer[Any]):
    orderId = fields.IdField(source="order_id")
    token = serializers.CharField(max_length=255)


class Payment(serializers.Serializer[models.Payment]):
    id = serializers.UUIDField()
    orderId = serializers.UUIDField(source="order_id")
    status = serializers.ChoiceField(models.Payment.Status.choices)
    amount = serializers.SerializerMethodField()
    currency = serializers.CharField()

    def get_amount(self, payment: models.Payment) -> float:
        return money.from_minor(payment.amount_minor, payment.currency)  # type: ignore[return-value] # shown as a number
