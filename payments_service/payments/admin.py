"""Payments for administrators: to look at; a state is changed through commands, never by editing a field."""

from django.contrib import admin

from payments_service.payments import models
from shared.identity.admin_site import ReadOnly


@admin.register(models.Payment)
class PaymentAdmin(ReadOnly):
    list_display = ("id", "status", "decision", "amount_minor", "currency", "order_id", "reason", "updated_at")
    list_filter = ("status", "decision", "currency")
    search_fields = ("id", "order_id", "user_id")
    ordering = ("-created_at",)
    exclude = ("token",)
