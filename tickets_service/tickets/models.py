"""A ticket: one admission, offered by one seller, held by at most one order at a time."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast

from shared import errors, ids, money


class UnknownTicket(errors.NotFound):
    detail = "There is no such ticket."


class NotYourTicket(errors.Forbidden):
    detail = "Only its seller may change a ticket."


class NotOnSale(errors.Conflict):
    """The ticket is reserved, sold or withdrawn, as `reason` says."""

    code = "not_on_sale"

    def __init__(self, status: str) -> None:
        super().__init__(f"The ticket is {status}.")
        self.reason = status


class PriceChanged(errors.Conflict):
    code = "price_changed"
    detail = "The price has changed since the order was made."
    reason = "price_changed"


class NotHeld(errors.Conflict):
    code = "not_held"
    detail = "The ticket is not held by this order."


_PRICE = models.DecimalField(max_digits=12, decimal_places=3)
_MINOR = models.DecimalField(max_digits=15, decimal_places=3)


def price_of(amount_minor: str, currency: str) -> Case:
    """The price as the database works it out from two columns: what lists are sorted and filtered by."""
    exact = Cast(F(amount_minor), _MINOR)  # an integer divided by an integer would lose the cents
    other = {decimals for decimals in money.DECIMALS.values() if decimals != 2}
    cases = [
        When(
            **{f"{currency}__in": sorted(code for code, its in money.DECIMALS.items() if its == decimals)},
            then=exact / Value(10**decimals, output_field=_PRICE),
        )
        for decimals in sorted(other)
    ]
    return Case(*cases, default=exact / Value(100, output_field=_PRICE), output_field=_PRICE)


class TicketQuerySet(models.QuerySet["Ticket"]):
    def locked(self) -> "TicketQuerySet":
        """The rows, each locked until the transaction ends: what keeps one admission from being promised twice."""
        return self.select_for_update()

    def on_sale(self) -> "TicketQuerySet":
        return self.filter(status=Ticket.Status.ON_SALE)

    def visible_to(self, viewer_id: uuid.UUID | None) -> "TicketQuerySet":
        """A withdrawn ticket is seen by its seller only."""
        return self.filter(~Q(status=Ticket.Status.WITHDRAWN) | Q(user_id=viewer_id))


class Ticket(models.Model):
    class Status(models.TextChoices):
        ON_SALE = "on_sale"
        RESERVED = "reserved"
        SOLD = "sold"
        WITHDRAWN = "withdrawn"

    EDITABLE: ClassVar[frozenset[str]] = frozenset(
        {"title", "amount_minor", "currency", "description", "venue", "starts_at", "category", "seat"}
    )

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    user_id = models.UUIDField("seller", db_index=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.ON_SALE)
    order_id = models.UUIDField(null=True, blank=True, unique=True)
    title = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    description = models.TextField(blank=True, default="")
    venue = models.CharField(max_length=200, blank=True, default="")
    starts_at = models.DateTimeField(null=True, blank=True)
    category = models.CharField(max_length=50, blank=True, default="")
    seat = models.CharField(max_length=50, blank=True, default="")
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    price = models.GeneratedField(expression=price_of("amount_minor", "currency"), output_field=_PRICE, db_persist=True)
    words = models.GeneratedField(
        expression=SearchVector("title", "description", "venue", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="ticket_held_exactly_while_reserved_or_sold",
                condition=Q(status__in=("reserved", "sold"), order_id__isnull=False)
                | Q(status__in=("on_sale", "withdrawn"), order_id__isnull=True),
            ),
            models.CheckConstraint(name="ticket_price_is_positive", condition=Q(amount_minor__gt=0)),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], condition=Q(status="on_sale"), name="ticket_newest_on_sale"),
            models.Index(fields=["price", "id"], condition=Q(status="on_sale"), name="ticket_cheapest_on_sale"),
            models.Index(fields=["starts_at", "id"], condition=Q(status="on_sale"), name="ticket_soonest_on_sale"),
            GinIndex(fields=["words"], name="ticket_words"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.status})"

    def offer(self, *, now: dt.datetime) -> None:
        """Put a new ticket on sale."""
        self.created_at = self.updated_at = now
        self.save(force_insert=True)

    def edit(self, changes: dict[str, Any], *, now: dt.datetime) -> None:
        """Change what is offered, while nobody holds it."""
        self._demand_on_sale()
        for name, value in changes.items():
            if name not in self.EDITABLE:
                raise ValueError(f"{name} of a ticket cannot be edited")
            setattr(self, name, value)
        self._changed(*changes, now=now)

    def reserve_for(self, order_id: uuid.UUID, *, amount_minor: int, currency: str, now: dt.datetime) -> None:
        """Hold the ticket for an order, at the price its buyer has seen."""
        self._demand_on_sale()
        if (amount_minor, currency) != (self.amount_minor, self.currency):
            raise PriceChanged
        self.order_id = order_id
        self._become(self.Status.RESERVED, now=now)

    def sell(self, order_id: uuid.UUID, *, now: dt.datetime) -> None:
        """Give the ticket, reserved for this order, to its buyer."""
        if self.status != self.Status.RESERVED or self.order_id != order_id:
            raise NotHeld
        self._become(self.Status.SOLD, now=now)

    def free(self, order_id: uuid.UUID, *, seller_active: bool, now: dt.datetime) -> None:
        """Take the ticket back from the order that holds it: on sale again, unless its seller may no longer sell."""
        if not self.is_held_by(order_id):
            raise NotHeld
        self.order_id = None
        self._become(self.Status.ON_SALE if seller_active else self.Status.WITHDRAWN, now=now)

    def withdraw(self, *, now: dt.datetime) -> None:
        """Take the ticket off the market for ever."""
        self._demand_on_sale()
        self._become(self.Status.WITHDRAWN, now=now)

    def is_held_by(self, order_id: uuid.UUID) -> bool:
        """Whether the ticket is reserved for, or sold to, this very order."""
        return self.order_id is not None and self.order_id == order_id

    def _demand_on_sale(self) -> None:
        if self.status != self.Status.ON_SALE:
            raise NotOnSale(self.status)

    def _become(self, status: "Ticket.Status", *, now: dt.datetime) -> None:
        self.status = status
        self._changed("status", "order_id", now=now)

    def _changed(self, *fields: str, now: dt.datetime) -> None:
        self.version += 1
        self.updated_at = now
        self.save(update_fields=[*fields, "version", "updated_at"])
