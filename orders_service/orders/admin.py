"""Orders for administrators: to look at; a state is changed through commands, never by editing a field."""

from django.contrib import admin

from orders_service.orders import models
from shared.identity.admin_site import ReadOnly


@admin.register(models.Order)
class OrderAdmin(ReadOnly):
    list_display = ("ticket_title", "status", "amount_minor", "currency", "user_id", "expires_at", "reason")
    list_filter = ("status", "currency", "reason")
    search_fields = ("ticket_title", "id", "user_id", "ticket_id", "payment_id")
    ordering = ("-created_at",)
