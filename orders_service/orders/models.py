"""An order: one buyer's claim on one ticket, at the price of ordering, for a window of time."""

import datetime as dt
import uuid
from typing import ClassVar

from django.db import IntegrityError, models, transaction
from django.db.models import Q

from shared import errors, ids


class UnknownTicket(errors.NotFound):
    code = "unknown_ticket"
    detail = "There is no such ticket."


class UnknownOrder(errors.NotFound):
    detail = "There is no such order."


class OwnTicket(errors.Forbidden):
    code = "own_ticket"
    detail = "You cannot order your own ticket."


class TicketTaken(errors.Conflict):
    code = "ticket_taken"
    detail = "The ticket is reserved. Try again in a moment: its order may come to nothing."


class TicketNotOnSale(errors.Conflict):
    code = "not_on_sale"

    def __init__(self, status: str) -> None:
        super().__init__(f"The ticket is {status}.")


class TooManyReservations(errors.Conflict):
    code = "too_many_reservations"

    def __init__(self, limit: int) -> None:
        super().__init__(f"You hold {limit} unpaid orders already. Pay or cancel one of them first.")


class WrongState(errors.Conflict):
    """The order's state forbids what was asked."""

    code = "wrong_state"

    def __init__(self, order: "Order", asked: str) -> None:
        super().__init__(f"An order that is {order.get_status_display()} cannot be {asked}.")


class WindowOver(errors.Conflict):
    code = "expired"
    detail = "The time to pay for this order is over."


class Ticket(models.Model):
    """This service's copy of a ticket, kept by what the tickets service says."""

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    status = models.CharField(max_length=9)
    order_id = models.UUIDField(null=True)
    title = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    version = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.title

    def demand_orderable_by(self, user_id: uuid.UUID) -> None:
        """Raises what stands against this user's ordering the ticket now."""
        if self.user_id == user_id:
            raise OwnTicket
        if self.status == "reserved":
            raise TicketTaken
        if self.status != "on_sale":
            raise TicketNotOnSale(self.status)


class OrderQuerySet(models.QuerySet["Order"]):
    def locked(self) -> "OrderQuerySet":
        return self.select_for_update()

    def live(self) -> "OrderQuerySet":
        return self.filter(status__in=Order.LIVE)

    def unpaid(self) -> "OrderQuerySet":
        return self.filter(status__in=Order.UNPAID)


class Order(models.Model):
    class Status(models.TextChoices):
        CREATED = "created", "not confirmed yet"
        AWAITING_PAYMENT = "awaiting_payment", "awaiting payment"
        COMPLETE = "complete"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        REFUNDED = "refunded"

    UNPAID: ClassVar = (Status.CREATED, Status.AWAITING_PAYMENT)
    LIVE: ClassVar = (*UNPAID, Status.COMPLETE)

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    user_id = models.UUIDField("buyer")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.CREATED)
    ticket_id = models.UUIDField()
    ticket_version = models.PositiveIntegerField()
    ticket_title = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    payment_id = models.UUIDField(null=True, blank=True)
    reason = models.CharField(max_length=40, null=True, blank=True)
    relist = models.BooleanField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["ticket_id"],
                condition=Q(status__in=("created", "awaiting_payment", "complete")),
                name="one_live_order_per_ticket",
            ),
            models.CheckConstraint(
                name="order_paid_names_its_payment",
                condition=~Q(status__in=("complete", "refunded")) | Q(payment_id__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user_id", "-created_at", "-id"], name="order_newest_of_user"),
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=("created", "awaiting_payment")),
                name="order_next_to_expire",
            ),
            models.Index(fields=["ticket_id"], name="order_ticket"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_title} ({self.status})"

    def place(self) -> None:
        """Claim the ticket: of any number at once, the partial unique index lets one through."""
        try:
            with transaction.atomic():
                self.save(force_insert=True)
        except IntegrityError as error:
            if "one_live_order_per_ticket" not in str(error):
                raise
            raise TicketTaken from error

    def confirm(self) -> None:
        """The ticket is held for this order: it may be paid."""
        self._demand(self.Status.CREATED, asked="confirmed")
        self._become(self.Status.AWAITING_PAYMENT)

    def cancel(self, *, reason: str) -> None:
        self._demand(*self.UNPAID, asked="cancelled")
        self._become(self.Status.CANCELLED, reason=reason)

    def expire(self) -> None:
        self._demand(*self.UNPAID, asked="expired")
        self._become(self.Status.EXPIRED, reason="expired")

    def complete(self, payment_id: uuid.UUID, *, now: dt.datetime) -> None:
        """Accept the payment that buys the ticket, inside the window."""
        self._demand(self.Status.AWAITING_PAYMENT, asked="paid")
        if now >= self.expires_at:
            raise WindowOver
        self._become(self.Status.COMPLETE, payment_id=payment_id)

    def refund(self, *, relist: bool) -> None:
        self._demand(self.Status.COMPLETE, asked="refunded")
        self._become(self.Status.REFUNDED, relist=relist)

    def _demand(self, *states: "Order.Status", asked: str) -> None:
        if self.status not in states:
            raise WrongState(self, asked)

    def _become(self, status: "Order.Status", **details: object) -> None:
        self.status = status
        for name, value in details.items():
            setattr(self, name, value)
        self.version += 1
        self.save(update_fields=["status", "version", *details])
