"""Orders for administrators: to look at, with what led to where they stand, and to cancel."""

from typing import Any

from django.contrib import admin

from orders_service.orders import commands, models
from shared.identity import admin_actions


@admin.register(models.Order)
class OrderAdmin(admin_actions.ActingPage):
    list_display = ("ticket_title", "status", "amount_minor", "currency", "user_id", "expires_at", "reason")
    list_filter = ("status", "currency", "reason")
    search_fields = ("ticket_title", "id", "user_id", "ticket_id", "payment_id")
    search_help_text = "title, or the id of the order, its buyer, ticket or payment"
    ordering = ("-created_at", "-id")
    actions = ("cancel",)  # type: ignore[assignment]

    @admin_actions.reasoned(label="Cancel: free the ticket", done="cancelled", roles=("admin", "moderator"))
    def cancel(self, order: models.Order, **asked: Any) -> None:
        commands.cancel_order_of_buyer(order_id=order.pk, **asked)
