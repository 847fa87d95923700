"""Orders for administrators: to look at, with what led to where they stand, and to cancel."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin

from orders_service.orders import commands, models, queries
from shared.identity import admin_actions
from shared.messaging import timeline


@admin.register(models.Order)
class OrderAdmin(admin_actions.ActingPage):
    list_display = ("ticket_title", "status", "amount_minor", "currency", "user_id", "expires_at", "reason")
    list_filter = ("status", "currency", "reason")
    search_fields = ("ticket_title", "id", "user_id", "ticket_id", "payment_id")
    search_help_text = "title, or the id of the order, its buyer, ticket or payment"
    ordering = ("-created_at", "-id")
    actions = ("cancel",)

    @admin_actions.reasoned(label="Cancel: free the ticket", done="cancelled", roles=("admin", "moderator"))
    def cancel(self, order: models.Order, **asked: Any) -> None:
        commands.cancel_order_of_buyer(order_id=order.pk, **asked)

    def life(self, row: models.Order) -> list[timeline.Line]:
        return queries.life_of(row)

    def elsewhere(self, row: models.Order) -> Mapping[str, str]:
        return {
            "The ticket": f"tickets/tickets/ticket/{row.ticket_id}/change/",
            "The payments": f"payments/payments/payment/?q={row.id}",
            "The buyer": f"auth/users/user/{row.user_id}/change/",
        }
