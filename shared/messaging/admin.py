"""Parked messages for people who decide on them; outbox and inbox to look at."""

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from shared import clock
from shared.messaging import models, parked


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing here is made, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.ParkedMessage)
class ParkedMessageAdmin(ReadOnly):
    list_display = ("id", "type", "event_id", "error", "attempts", "state", "parked_at")
    list_filter = ("state", "type")
    fields = (
        "type", "source", "event_id", "consumer", "state", "reason", "attempts", "parked_at", "tried_at",
        "closed_at", "error", "text", "traceback",
    )  # fmt: skip
    actions = ("retry", "discard")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may change parked messages may retry and discard them."""
        return request.user.has_perm("messaging.change_parkedmessage")

    @admin.action(description="Retry: apply as if it had just come", permissions=["decide"])
    def retry(self, request: HttpRequest, queryset: QuerySet[models.ParkedMessage]) -> None:
        waiting = queryset.filter(state=models.ParkedMessage.State.PARKED)
        worked = [parked.retry(parked_id=message.id, now=clock.now()) for message in waiting]
        self.message_user(request, f"{sum(worked)} applied", messages.SUCCESS)
        if not all(worked):
            self.message_user(request, f"{len(worked) - sum(worked)} failed again", messages.ERROR)

    @admin.action(description="Discard: will never be applied", permissions=["decide"])
    def discard(self, request: HttpRequest, queryset: QuerySet[models.ParkedMessage]) -> None:
        waiting = queryset.filter(state=models.ParkedMessage.State.PARKED)
        reason = f"discarded in the admin by {request.user}"[:200]
        for message in waiting:
            parked.discard(parked_id=message.id, reason=reason, now=clock.now())
        self.message_user(request, f"{len(waiting)} discarded", messages.SUCCESS)


@admin.register(models.OutboxEvent)
class OutboxEventAdmin(ReadOnly):
    list_display = ("id", "type", "subject", "aggregate_version", "position", "occurred_at", "sent_at")
    list_filter = ("type",)
    search_fields = ("subject", "request_id")


@admin.register(models.InboxEvent)
class InboxEventAdmin(ReadOnly):
    list_display = ("id", "type", "source", "epoch", "position", "outcome", "received_at")
    list_filter = ("outcome", "source", "type")
    search_fields = ("event_id",)
