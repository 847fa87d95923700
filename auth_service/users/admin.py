"""People, their sessions and the keys that sign for them, to look at and to act upon through commands."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest

from auth_service.users import commands, models
from shared import clock, read_only
from shared.identity import admin_actions
from shared.messaging import timeline

_PEACE = ("admin", "moderator")


class RolesForm(admin_actions.ReasonForm):
    """Exactly these roles, and why."""

    roles = forms.MultipleChoiceField(
        choices=[(role, role) for role in sorted(models.ROLES)], required=False, widget=forms.CheckboxSelectMultiple
    )


class SessionsInline(admin.TabularInline):  # type: ignore[type-arg]
    """Where somebody is signed in; what has ended is in the list of sessions."""

    model = models.Session
    verbose_name_plural = "sessions that live"
    fields = ("agent", "created_at", "seen_at", "expires_at")
    ordering = ("-seen_at",)
    show_change_link = True
    max_num = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Session]:
        return super().get_queryset(request).filter(revoked_at=None, expires_at__gt=Now())

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(models.User)
class UserAdmin(admin_actions.ActingPage):
    list_display = ("email", "id", "roles", "active", "created_at", "banned_at", "closed_at")
    list_filter = ("active", ("banned_at", admin.EmptyFieldListFilter), ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("email", "id")
    ordering = ("-created_at", "-id")
    exclude = ("password",)
    inlines = (SessionsInline,)
    actions = ("ban", "reinstate", "set_roles")

    @admin_actions.reasoned(label="Ban: refuse them everywhere", done="banned", roles=_PEACE)
    def ban(self, user: models.User, **asked: Any) -> None:
        commands.ban_user(user_id=user.pk, now=clock.now(), **asked)

    @admin_actions.reasoned(label="Reinstate: let them in again", done="reinstated", roles=_PEACE)
    def reinstate(self, user: models.User, **asked: Any) -> None:
        commands.reinstate_user(user_id=user.pk, **asked)

    @admin_actions.reasoned(
        label="Give exactly these roles", done="given the roles", roles=("admin",), form=RolesForm, most=1
    )
    def set_roles(self, user: models.User, **asked: Any) -> None:
        commands.set_roles(user_id=user.pk, **asked)

    def life(self, row: models.User) -> list[timeline.Line]:
        return timeline.of(row.pk)

    def elsewhere(self, row: models.User) -> Mapping[str, str]:
        return {
            "All sessions": f"auth/users/session/?q={row.pk}",
            "Tickets": f"tickets/tickets/ticket/?q={row.pk}",
            "Orders": f"orders/orders/order/?q={row.pk}",
            "Payments": f"payments/payments/payment/?q={row.pk}",
        }


@admin.register(models.Session)
class SessionAdmin(read_only.ReadOnly):
    list_display = ("id", "user", "agent", "created_at", "seen_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("id", "user__email", "user__id")
    ordering = ("-seen_at", "-id")


@admin.register(models.Mail)
class MailAdmin(read_only.ReadOnly):
    """What is owed, and why it could not be sent yet."""

    list_display = ("id", "kind", "user_id", "queued_at", "sent_at", "dropped_at", "attempts", "last_error")
    list_filter = ("kind", ("sent_at", admin.EmptyFieldListFilter), ("dropped_at", admin.EmptyFieldListFilter))
    search_fields = ("id", "user__id")
    ordering = ("-queued_at", "-id")
    exclude = ("token",)


@admin.register(models.SigningKey)
class SigningKeyAdmin(admin_actions.ActingPage):
    list_display = ("kid", "status", "created_at", "active_from", "superseded_at", "retired_at")
    list_filter = ("status",)
    ordering = ("-created_at",)
    exclude = ("sealed",)
    actions = ("rotate", "revoke")

    @admin_actions.reasoned(label="Rotate: sign with the standby from now on", done="rotated", roles=("admin",), most=1)
    def rotate(self, key: models.SigningKey, **asked: Any) -> None:
        commands.rotate_signing_key(kid=key.pk, now=clock.now(), **asked)

    @admin_actions.reasoned(label="Revoke: refuse all it has signed", done="revoked", roles=("admin",), most=1)
    def revoke(self, key: models.SigningKey, **asked: Any) -> None:
        commands.revoke_signing_key(kid=key.pk, now=clock.now(), **asked)
