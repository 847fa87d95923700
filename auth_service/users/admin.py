"""Users and sessions, to look at and to act upon through commands."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from auth_service.users import commands, models
from shared import clock, errors
from shared.identity import admin_site


@admin.register(models.User)
class UserAdmin(admin_site.ReadOnly):
    list_display = ("email", "id", "roles", "active", "created_at", "banned_at", "closed_at")
    list_filter = ("active",)
    search_fields = ("email", "id")
    ordering = ("-created_at",)
    exclude = ("password",)
    actions = ("ban", "reinstate")  # type: ignore[assignment]

    def has_ban_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, models.User) and request.user.has_role("admin", "moderator")

    @admin.action(description="Ban: refuse them everywhere", permissions=["ban"])
    def ban(self, request: HttpRequest, users: QuerySet[models.User]) -> None:
        command = functools.partial(commands.ban_user, now=clock.now(), by=_staff(request))
        self._each(request, users, command, "banned")

    @admin.action(description="Reinstate banned users", permissions=["ban"])
    def reinstate(self, request: HttpRequest, users: QuerySet[models.User]) -> None:
        self._each(request, users, functools.partial(commands.reinstate_user, by=_staff(request)), "reinstated")

    def _each(
        self, request: HttpRequest, users: QuerySet[models.User], command: Callable[..., None], done: str
    ) -> None:
        for user in users:
            try:
                command(user_id=user.pk)
            except errors.DomainError as error:  # an interface: one refusal must not stop the others
                self.message_user(request, f"{user}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{user} is {done}.")


def _staff(request: HttpRequest) -> Any:
    """Who is asking; the site lets nobody else in."""
    return request.user


@admin.register(models.Session)
class SessionAdmin(admin_site.ReadOnly):
    list_display = ("id", "user", "agent", "created_at", "seen_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("id", "user__email")
    ordering = ("-seen_at",)


@admin.register(models.SigningKey)
class SigningKeyAdmin(admin_site.ReadOnly):
    list_display = ("kid", "status", "created_at", "active_from", "superseded_at", "retired_at")
    exclude = ("sealed",)
