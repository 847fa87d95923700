"""Tickets for administrators: to look at; a state is changed through commands, never by editing a field."""

from django.contrib import admin

from shared.identity.admin_site import ReadOnly
from tickets_service.tickets import models


@admin.register(models.Ticket)
class TicketAdmin(ReadOnly):
    list_display = ("title", "status", "price", "currency", "user_id", "order_id", "starts_at", "updated_at")
    list_filter = ("status", "currency", "category")
    search_fields = ("title", "venue", "id", "user_id", "order_id")
    ordering = ("-created_at",)
