"""Tickets for administrators: to look at, and to withdraw; what is on sale, nobody but its seller edits."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin

from shared import clock
from shared.identity import admin_actions
from shared.messaging import timeline
from tickets_service.tickets import commands, models


@admin.register(models.Ticket)
class TicketAdmin(admin_actions.ActingPage):
    list_display = ("title", "status", "price", "currency", "user_id", "order_id", "starts_at", "updated_at")
    list_filter = ("status", "currency", "category")
    search_fields = ("title", "venue", "id", "user_id", "order_id")
    search_help_text = "title, venue, or the id of the ticket, its seller or its order"
    ordering = ("-created_at", "-id")
    exclude = ("words",)
    actions = ("take_down",)

    @admin_actions.reasoned(
        label="Withdraw: take off the market for ever", done="withdrawn", roles=("admin", "moderator")
    )
    def take_down(self, ticket: models.Ticket, **asked: Any) -> None:
        commands.take_ticket_down(ticket_id=ticket.pk, now=clock.now(), **asked)

    def life(self, row: models.Ticket) -> list[timeline.Line]:
        return timeline.of(row.id)

    def elsewhere(self, row: models.Ticket) -> Mapping[str, str]:
        return {
            "Its orders": f"orders/orders/order/?q={row.id}",
            "The seller": f"auth/users/user/{row.user_id}/change/",
        }
