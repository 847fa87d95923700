"""What a seller says about a ticket, what a visitor may filter by, and how a ticket is shown."""

import datetime as dt
import decimal
import uuid
from typing import Any

from django import forms
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers
from rest_framework.request import Request

from shared import money
from shared.http import fields
from tickets_service.tickets import models, queries

SORTS = {
    "-createdAt": ("-created_at", "-id"),
    "createdAt": ("created_at", "id"),
    "price": ("price", "id"),
    "-price": ("-price", "-id"),
    "startsAt": ("starts_at", "id"),
}


class Offer(fields.PricedSerializer):
    """A whole ticket, as offered."""

    title = fields.TextField(max_length=200)
    price = fields.PriceField()
    currency = fields.CurrencyField(required=False)
    description = serializers.CharField(max_length=5000, allow_blank=True, default="")
    venue = serializers.CharField(max_length=200, allow_blank=True, default="")
    startsAt = fields.MomentField(source="starts_at", allow_null=True, default=None)
    category = serializers.CharField(max_length=50, allow_blank=True, default="")
    seat = serializers.CharField(max_length=50, allow_blank=True, default="")


class Ticket(serializers.Serializer[models.Ticket]):
    """A ticket as everybody sees it."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    price = serializers.SerializerMethodField()
    currency = serializers.CharField()
    description = serializers.CharField()
    venue = serializers.CharField()
    startsAt = serializers.DateTimeField(source="starts_at", allow_null=True)
    category = serializers.CharField()
    seat = serializers.CharField()
    status = serializers.ChoiceField(models.Ticket.Status.choices)
    userId = serializers.UUIDField(source="user_id")
    orderId = serializers.UUIDField(source="order_id", required=False)
    version = serializers.IntegerField()
    createdAt = serializers.DateTimeField(source="created_at")
    updatedAt = serializers.DateTimeField(source="updated_at")

    def get_price(self, ticket: models.Ticket) -> float:
        return money.from_minor(ticket.amount_minor, ticket.currency)  # type: ignore[return-value] # shown as a number

    def to_representation(self, instance: models.Ticket) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if shown["orderId"] is None:
            del shown["orderId"]
        return shown


class MomentFormField(forms.CharField):
    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return fields.MomentField().to_internal_value(text) if text else None
        except serializers.ValidationError as error:
            raise forms.ValidationError(" ".join(map(str, error.args or [error]))) from error


class MomentFilter(filters.Filter):
    field_class = MomentFormField


class PriceFormField(forms.CharField):
    """A price as in a body, or 0; a number field would also take 1e3, 1_000 and ٣."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if text in ("", "0"):
            return decimal.Decimal(0) if text else None
        try:
            return money.parse(text)
        except money.BadPrice as error:
            raise forms.ValidationError(error.message, code=error.code) from error


class PriceFilter(filters.Filter):
    field_class = PriceFormField


def _parameter(name: str, kind: Any, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=description)


# What `Search` reads, for the OpenAPI document: prices and moments are written as in a body.
PARAMETERS = [
    _parameter("q", str, "words that title, description or venue have, or begin with"),
    _parameter("minPrice", {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, "in whatever currency"),
    _parameter("maxPrice", {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, "in whatever currency"),
    _parameter("startsAfter", dt.datetime, "starts then or later"),
    _parameter("startsBefore", dt.datetime, "starts before then"),
    _parameter("category", str, "exactly this one"),
    _parameter("seller", uuid.UUID, "the seller's id"),
    _parameter("status", {"type": "string", "enum": models.Ticket.Status.values}, "only on sale where it is left out"),
    _parameter("sort", {"type": "string", "enum": list(SORTS), "default": "-createdAt"}, "those without it come last"),
]


class Search(filters.FilterSet):
    """What a visitor may ask for; by default only what is on sale."""

    q = filters.CharFilter(method="search", max_length=200)
    minPrice = PriceFilter("price", "gte")
    maxPrice = PriceFilter("price", "lte")
    startsAfter = MomentFilter("starts_at", "gte")
    startsBefore = MomentFilter("starts_at", "lt")
    category = filters.CharFilter("category", max_length=50)
    seller = filters.UUIDFilter("user_id")
    status = filters.ChoiceFilter(choices=models.Ticket.Status.choices)
    sort = filters.ChoiceFilter(choices=[(name, name) for name in SORTS], method="leave")

    class Meta:
        model = models.Ticket
        fields: tuple[str, ...] = ()

    def search(self, tickets: models.TicketQuerySet, _name: str, text: str) -> models.TicketQuerySet:
        return queries.with_words(tickets, text)

    def leave(self, tickets: models.TicketQuerySet, _name: str, _sort: str) -> models.TicketQuerySet:
        """The order is the page's business."""
        return tickets

    @classmethod
    def read(cls, request: Request, tickets: models.TicketQuerySet) -> tuple[models.TicketQuerySet, tuple[str, ...]]:
        """What is asked for and in which order. Raises ValidationError for a parameter that makes no sense."""
        search = cls(request.query_params, queryset=tickets)
        if not search.is_valid():
            raise exceptions.ValidationError(search.errors)
        found: models.TicketQuerySet = search.qs  # type: ignore[assignment] # the same class that went in
        if not search.form.cleaned_data["status"]:
            found = found.on_sale()
        return found, SORTS[search.form.cleaned_data["sort"] or "-createdAt"]
