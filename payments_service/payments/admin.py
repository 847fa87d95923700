"""Payments for administrators: to look at beside the provider's books, and to finish by hand what got stuck."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Q

from payments_service.payments import commands, models
from shared import clock, read_only
from shared.identity import admin_actions
from shared.messaging import timeline

_MONEY = ("admin", "finance")


@admin.register(models.Payment)
class PaymentAdmin(admin_actions.ActingPage):
    """The provider knows a payment by our own id of it."""

    list_display = ("id", "status", "decision", "amount_minor", "currency", "order_id", "reason", "updated_at")
    list_filter = ("status", "decision", "currency")
    search_fields = ("id", "order_id", "user_id")
    search_help_text = "the id of the payment (the provider knows it by the same), its order or its buyer"
    ordering = ("-created_at", "-id")
    exclude = ("token",)
    actions = ("look_up", "capture_again", "void")

    @admin_actions.reasoned(label="Look up: ask the provider what it has done", done="looked up", roles=_MONEY)
    def look_up(self, payment: models.Payment, **asked: Any) -> None:
        commands.look_payment_up(payment_id=payment.pk, now=clock.now(), **asked)

    @admin_actions.reasoned(label="Capture again: take the money of a paid order", done="captured", roles=_MONEY)
    def capture_again(self, payment: models.Payment, **asked: Any) -> None:
        commands.capture_payment_again(payment_id=payment.pk, now=clock.now(), **asked)

    @admin_actions.reasoned(label="Void: let the money go", done="voided", roles=_MONEY)
    def void(self, payment: models.Payment, **asked: Any) -> None:
        commands.void_payment(payment_id=payment.pk, now=clock.now(), **asked)

    def life(self, row: models.Payment) -> list[timeline.Line]:
        return timeline.of(row.id, heard=Q(subject=str(row.order_id)))

    def elsewhere(self, row: models.Payment) -> Mapping[str, str]:
        return {
            "The order": f"orders/orders/order/{row.order_id}/change/",
            "The provider's books": f"payments/payments/sandboxentry/?q={row.id}",
            "The buyer": f"auth/users/user/{row.user_id}/change/",
        }


@admin.register(models.SandboxEntry)
class SandboxEntryAdmin(read_only.ReadOnly):
    """The books of the sandbox provider."""

    list_display = ("payment_id", "kind", "amount_minor", "currency", "recorded_at")
    list_filter = ("kind",)
    search_fields = ("payment_id",)
    search_help_text = "the id of the payment"
    ordering = ("-id",)
    exclude = ("reason",)
