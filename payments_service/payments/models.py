"""A payment: what a buyer's provider has promised, taken or let go for one order. Money is counted in minor units."""

import datetime as dt
import uuid
from typing import ClassVar

from django.db import IntegrityError, models, transaction
from django.db.models import Q

from shared import errors, ids, tracing


class UnknownOrder(errors.NotFound):
    code = "unknown_order"
    detail = "There is no such order."


class UnknownPayment(errors.NotFound):
    detail = "There is no such payment."


class OrderNotPayable(errors.Conflict):
    code = "order_not_payable"

    def __init__(self, status: str) -> None:
        super().__init__(
            "The order is not confirmed yet. Try again in a moment."
            if status == "created"
            else f"The order is {status.replace('_', ' ')}; it cannot be paid."
        )


class AlreadyPaying(errors.Conflict):
    code = "already_paid"
    detail = "The order is paid or being paid already."


class PaymentDeclined(errors.Declined):
    detail = "The payment was declined by the provider."


class KeyReused(errors.Unprocessable):
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for another payment."


class WrongState(errors.Conflict):
    """The payment's state forbids what was asked."""

    code = "wrong_state"

    def __init__(self, payment: "Payment", asked: str) -> None:
        super().__init__(f"A payment that is {payment.status} cannot be {asked}.")


class WrongDecision(errors.Conflict):
    """What was decided about the payment, or that nothing was, forbids what was asked."""

    code = "wrong_decision"

    def __init__(self, payment: "Payment", asked: str) -> None:
        decided = {"capture": "that is to be captured", "void": "that is to be voided"}
        super().__init__(f"A payment {decided.get(payment.decision, 'not decided about')} cannot be {asked}.")


class AlreadyDecided(errors.Conflict):
    detail = "What becomes of this payment is decided already."


class BeingAsked(errors.Conflict):
    code = "being_asked"
    detail = "The provider is being asked at the moment. Try again in a few seconds."


class ProviderSilent(errors.Unavailable):
    detail = "The provider gave no answer. It will be asked again without you."


class Order(models.Model):
    """This service's copy of an order, kept by what the orders service says."""

    AWAITING_PAYMENT: ClassVar = "awaiting_payment"

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    status = models.CharField(max_length=16)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    expires_at = models.DateTimeField()
    payment_id = models.UUIDField(null=True)
    version = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    @property
    def is_payable(self) -> bool:
        return self.status == self.AWAITING_PAYMENT

    def demand_payable(self, *, now: dt.datetime) -> None:
        if not self.is_payable:
            raise OrderNotPayable(self.status)
        if now >= self.expires_at:
            raise OrderNotPayable("expired")


class PaymentQuerySet(models.QuerySet["Payment"]):
    def locked(self) -> "PaymentQuerySet":
        return self.select_for_update()

    def undecided(self) -> "PaymentQuerySet":
        """Authorized, and neither to be captured nor voided yet."""
        return self.filter(status=Payment.Status.AUTHORIZED, decision=Payment.Decision.NONE)

    def said(self) -> "PaymentQuerySet":
        """All but those that are to be voided: of such an authorization nobody hears until it is."""
        return self.exclude(status=Payment.Status.AUTHORIZED, decision=Payment.Decision.VOID)

    def to_settle(self) -> "PaymentQuerySet":
        """Authorized, and decided: the provider is still to be told."""
        return self.filter(status=Payment.Status.AUTHORIZED).exclude(decision=Payment.Decision.NONE)

    def forget_payer(self, user_id: uuid.UUID) -> None:
        """Empty his cards and his keys. One that the provider is just being asked about is declined by it."""
        self.filter(user_id=user_id).update(token="", idempotency_key=None)

    def unanswered(self, *, before: dt.datetime) -> "PaymentQuerySet":
        """The provider was asked before then, and what it said is not known."""
        return self.filter(status__in=(Payment.Status.REQUESTED, Payment.Status.UNKNOWN), updated_at__lt=before)


class Payment(models.Model):
    class Status(models.TextChoices):
        REQUESTED = "requested"
        UNKNOWN = "unknown"
        AUTHORIZED = "authorized"
        CAPTURED = "captured"
        VOIDED = "voided"
        DECLINED = "declined"
        FAILED = "failed"
        REFUNDED = "refunded"

    class Decision(models.TextChoices):
        """What is to become of an authorized payment: committed before the provider is told."""

        NONE = ""
        CAPTURE = "capture"
        VOID = "void"

    LIVE: ClassVar = (Status.REQUESTED, Status.UNKNOWN, Status.AUTHORIZED, Status.CAPTURED)

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    order_id = models.UUIDField()
    user_id = models.UUIDField("buyer")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REQUESTED)
    decision = models.CharField(max_length=7, choices=Decision.choices, blank=True, default=Decision.NONE)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    token = models.CharField(max_length=255)
    reason = models.CharField(max_length=100, null=True, blank=True)
    relist = models.BooleanField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    # Whoever asked for what the worker is to do next: the buyer's request, then what decided about the payment.
    request_id = models.CharField(max_length=64, null=True, blank=True, editable=False)
    traceparent = models.CharField(max_length=55, null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = PaymentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["order_id"],
                condition=Q(status__in=("requested", "unknown", "authorized", "captured")),
                name="one_live_payment_per_order",
            ),
            models.UniqueConstraint(fields=["user_id", "idempotency_key"], name="one_payment_per_idempotency_key"),
            models.CheckConstraint(name="payment_amount_is_positive", condition=Q(amount_minor__gt=0)),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user_id", "-created_at", "-id"], name="payment_newest_of_user"),
            models.Index(fields=["order_id"], name="payment_order"),
            models.Index(
                fields=["updated_at"],
                condition=Q(status__in=("requested", "unknown", "authorized")),
                name="payment_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    @property
    def is_unanswered(self) -> bool:
        """Whether the provider's answer to the authorization is still to be recorded."""
        return self.status in (self.Status.REQUESTED, self.Status.UNKNOWN)

    @property
    def is_undecided(self) -> bool:
        """Whether it is authorized, and what becomes of it depends on its order."""
        return self.status == self.Status.AUTHORIZED and self.decision == self.Decision.NONE

    @property
    def is_to_settle(self) -> bool:
        """Whether the provider is still to be told what was decided."""
        return self.status == self.Status.AUTHORIZED and self.decision != self.Decision.NONE

    def request(self, *, now: dt.datetime) -> None:
        """Commit to asking the provider: of any number at once, the partial unique index lets one through."""
        self.created_at = self.updated_at = now
        self._remember_origin()
        try:
            with transaction.atomic():
                self.save(force_insert=True)
        except IntegrityError as error:
            if "one_live_payment_per_order" not in str(error):
                raise
            raise AlreadyPaying from error

    def authorize(self, *, now: dt.datetime) -> None:
        self._demand(self.Status.REQUESTED, self.Status.UNKNOWN, asked="authorized")
        self._become(self.Status.AUTHORIZED, now=now)

    def decline(self, *, reason: str, now: dt.datetime) -> None:
        self._demand(self.Status.REQUESTED, self.Status.UNKNOWN, asked="declined")
        self._become(self.Status.DECLINED, reason=reason, now=now)

    def lose(self, *, now: dt.datetime) -> None:
        """The provider's answer did not come: whether it has authorized must be looked up."""
        self._demand(self.Status.REQUESTED, asked="lost")
        self._become(self.Status.UNKNOWN, now=now)

    def decide(self, decision: "Payment.Decision", *, now: dt.datetime) -> None:
        """Write down, once, what the provider is to be told; no event, for nothing has happened yet."""
        self._demand(self.Status.AUTHORIZED, asked=f"decided ({decision.value})")
        if self.decision != self.Decision.NONE:
            raise AlreadyDecided
        self.decision = decision
        self.updated_at = now
        self._remember_origin()
        self.save(update_fields=["decision", "updated_at", "request_id", "traceparent"])

    def capture(self, *, now: dt.datetime) -> None:
        self._demand(self.Status.AUTHORIZED, asked="captured")
        self._become(self.Status.CAPTURED, now=now)

    def void(self, *, now: dt.datetime) -> None:
        self._demand(self.Status.AUTHORIZED, asked="voided")
        self._become(self.Status.VOIDED, now=now)

    def fail(self, *, reason: str, now: dt.datetime) -> None:
        """The provider refuses to capture what it had authorized: no money was taken."""
        self._demand(self.Status.AUTHORIZED, asked="failed")
        self._become(self.Status.FAILED, reason=reason, now=now)

    def demand_unanswered(self, *, asked_before: dt.datetime) -> None:
        """Raises what stands against looking up what became of it; a call begun later may still be under way."""
        self._demand(self.Status.REQUESTED, self.Status.UNKNOWN, asked="looked up")
        if self.status == self.Status.REQUESTED and self.updated_at > asked_before:
            raise BeingAsked

    def demand_decided(self, decision: "Payment.Decision", *, asked: str) -> None:
        """Raises what stands against telling the provider this decision once more."""
        self._demand(self.Status.AUTHORIZED, asked=asked)
        if self.decision != decision:
            raise WrongDecision(self, asked)

    def demand_accepted(self) -> None:
        """Raises why this payment will not buy its order, if it will not."""
        if self.status in (self.Status.DECLINED, self.Status.FAILED):
            raise PaymentDeclined(f"The payment was declined by the provider: {self.reason}.")
        if self.status == self.Status.VOIDED or self.decision == self.Decision.VOID:
            raise OrderNotPayable("no longer awaiting payment")

    def _remember_origin(self) -> None:
        self.request_id, self.traceparent = tracing.request_id.get(), tracing.traceparent.get()

    def _demand(self, *states: "Payment.Status", asked: str) -> None:
        if self.status not in states:
            raise WrongState(self, asked)

    def _become(self, status: "Payment.Status", *, now: dt.datetime, **details: object) -> None:
        self.status = status
        for name, value in details.items():
            setattr(self, name, value)
        self.version += 1
        self.updated_at = now
        self.save(update_fields=["status", "version", "updated_at", *details])


class SandboxEntry(models.Model):
    """A line in the sandbox provider's own books: only ever added, as a trigger sees to."""

    class Kind(models.TextChoices):
        AUTHORIZED = "authorized"
        DECLINED = "declined"
        CAPTURED = "captured"
        VOIDED = "voided"
        LAPSED = "lapsed"

    payment_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=100, blank=True, default="")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payment_id"], condition=Q(kind__in=("authorized", "declined")), name="sandbox_answers_once"
            ),
            models.UniqueConstraint(
                fields=["payment_id"],
                condition=Q(kind__in=("captured", "voided", "lapsed")),
                name="sandbox_settles_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment_id} {self.kind}"
