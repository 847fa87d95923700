"""What a service knows of identities, to look at."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from django.utils.html import format_html

from shared import read_only
from shared.http import models as http
from shared.identity import actions, models


class UserAdmin(read_only.ReadOnly):
    list_display = ("email", "id", "roles", "active", "tokens_valid_after")
    list_filter = ("active",)
    search_fields = ("email", "id")


class RevokedSessionAdmin(read_only.ReadOnly):
    list_display = ("id", "user_id", "expires_at")
    search_fields = ("id", "user_id")


class PublicKeyAdmin(read_only.ReadOnly):
    list_display = ("kid", "retired")


class LogEntryAdmin(read_only.ReadOnly):
    """Everything that staff has done here, with who and why."""

    list_display = ("action_time", "user", "target", "what", "why")
    list_display_links = ("action_time",)
    list_filter = ("content_type",)
    list_select_related = ("user", "content_type")
    search_fields = ("object_id", "user__email", "user__id")
    search_help_text = "the id of what it was done to, or whoever did it"
    ordering = ("-action_time",)
    show_full_result_count = False
    fields = ("action_time", "user", "content_type", "target", "what", "why")

    @admin.display(description="to")
    def target(self, entry: LogEntry) -> str:
        address = entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', address, entry.object_repr) if address else entry.object_repr

    @admin.display
    def what(self, entry: LogEntry) -> str:
        return actions.read(entry).what

    @admin.display
    def why(self, entry: LogEntry) -> str:
        return actions.read(entry).reason


class IdempotentAnswerAdmin(read_only.ReadOnly):
    """Answers that may be asked for again. They were somebody's own, so they are for administrators alone."""

    list_display = ("method", "path", "user_id", "status", "created_at")
    list_filter = ("method", "status")
    search_fields = ("=user_id", "=key")
    search_help_text = "the id of who asked, or the key"
    ordering = ("-created_at", "-id")
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(request.user, models.Account) and request.user.is_superuser


if not models.User._meta.swapped:
    admin.site.register(models.User, UserAdmin)
admin.site.register(models.RevokedSession, RevokedSessionAdmin)
admin.site.register(models.PublicKey, PublicKeyAdmin)
admin.site.register(LogEntry, LogEntryAdmin)
admin.site.register(http.IdempotentAnswer, IdempotentAnswerAdmin)
