"""Encore's copies for administrators: to look at; what is wrong in them is wrong at their source."""

from django.contrib import admin

from encore_service.encores import models
from shared.read_only import ReadOnly


@admin.register(models.Ticket)
class TicketAdmin(ReadOnly):
    list_display = ("title", "status", "venue", "starts_at", "amount_minor", "currency", "user_id", "order_id")
    list_filter = ("status", "currency")
    search_fields = ("title", "venue", "id", "user_id", "order_id")
    ordering = ("title", "id")


@admin.register(models.Order)
class OrderAdmin(ReadOnly):
    list_display = ("ticket_title", "status", "amount_minor", "currency", "user_id", "created_at")
    list_filter = ("status", "currency")
    search_fields = ("ticket_title", "id", "user_id", "ticket_id", "payment_id")
    ordering = ("-created_at",)
