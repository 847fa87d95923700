"""What encore knows of the market: its own copies of tickets and orders, kept by what their services say.

Users are a copy too; `shared.identity` keeps that one for every service. What is this service's own comes beside these.
"""

import uuid
from typing import ClassVar

from django.db import models

from shared import errors


class UnknownPurchase(errors.NotFound):
    detail = "There is no such purchase."


class Ticket(models.Model):
    """This service's copy of a ticket."""

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField("seller")
    status = models.CharField(max_length=9)
    order_id = models.UUIDField(null=True)
    title = models.CharField(max_length=200)
    venue = models.CharField(max_length=200)
    starts_at = models.DateTimeField(null=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    version = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.title


class OrderQuerySet(models.QuerySet["Order"]):
    def bought_by(self, user_id: uuid.UUID) -> "OrderQuerySet":
        return self.filter(user_id=user_id, status=Order.COMPLETE)


class Order(models.Model):
    """This service's copy of an order."""

    COMPLETE: ClassVar = "complete"

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField("buyer")
    status = models.CharField(max_length=16)
    ticket_id = models.UUIDField()
    ticket_title = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    payment_id = models.UUIDField(null=True)
    version = models.PositiveIntegerField()

    objects = OrderQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user_id", "-created_at", "-id"], name="order_newest_of_buyer")]

    def __str__(self) -> str:
        return f"{self.ticket_title} ({self.status})"
