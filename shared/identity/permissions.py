"""Who may call a view: `permission_classes = [permissions.IsUser]` or `[permissions.HasRole("admin", "support")]`."""

from typing import Self

from django.views import View
from rest_framework import permissions
from rest_framework.request import Request

from shared import errors
from shared.identity import models

Anyone = permissions.AllowAny


class IsUser(permissions.BasePermission):
    """Somebody whose access token is valid."""

    def has_permission(self, request: Request, view: View) -> bool:
        return request.auth is not None


class NotKnownYet(errors.Unavailable):
    detail = "Your account is not known to this service yet."


class HasRole(permissions.BasePermission):
    """Somebody who has one of these roles now, by this service's own copy of users (not by his token).

    Raises NotKnownYet while the copy of that user has not come.
    """

    def __init__(self, *roles: str) -> None:
        self.roles = roles

    def __call__(self) -> Self:
        """DRF calls what it finds in `permission_classes`."""
        return self

    def has_permission(self, request: Request, view: View) -> bool:
        if request.auth is None:
            return False
        user = request._request.user
        if not isinstance(user, models.Account):
            raise NotKnownYet
        return user.has_role(*self.roles)


def is_staff(request: Request) -> bool:
    """Whether an administrator of any role is asking, by this service's own copy of users."""
    user = request._request.user
    return isinstance(user, models.Account) and user.is_staff
