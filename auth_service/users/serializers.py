"""What people send about themselves, and how a user is shown."""

from typing import Any

from django.core import validators
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers
from rest_framework.request import Request

from auth_service.users import models, passwords

# No address that looks like another one: a domain in other letters is written in its ASCII form (xn--…). And none
# with quotes or brackets, which RFC 5322 allows and nobody has: written in several ways, it would not be found again.
ASCII = validators.RegexValidator(r"\A[!#-Z^-~]+\Z", "Enter a valid email address.", code="invalid")

STAFF = sorted(models.ROLES)


def _chosen_password() -> serializers.CharField:
    return serializers.CharField(
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
        trim_whitespace=False,
        validators=[passwords.check_not_common],
    )


def _known_password() -> serializers.CharField:
    """No rule that would tell a wrong guess from an impossible one."""
    return serializers.CharField(max_length=passwords.MAX_LENGTH, trim_whitespace=False)


class Address(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254, validators=[ASCII])


class NewAccount(Address):
    password = _chosen_password()


class Credentials(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = _known_password()


class PasswordChange(serializers.Serializer[Any]):
    currentPassword = _known_password()
    newPassword = _chosen_password()


class Closing(serializers.Serializer[Any]):
    password = _known_password()


class Link(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=120)


class NewPassword(Link):
    password = _chosen_password()


class Refresh(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=200, required=False)


class Session(serializers.Serializer[models.Session]):
    """A browser in which somebody is signed in; `current` is the one that asks."""

    id = serializers.UUIDField()
    device = serializers.CharField()
    createdAt = serializers.DateTimeField(source="created_at")
    lastSeenAt = serializers.DateTimeField(source="seen_at")
    current = serializers.SerializerMethodField()

    def get_current(self, session: models.Session) -> bool:
        return bool(session.pk == self.context["current"])


class AskedToken(serializers.Serializer[Any]):
    """Any text: whether it is a token is the question."""

    token = serializers.CharField(max_length=10_000, trim_whitespace=False)


class Account(serializers.Serializer[models.User]):
    id = serializers.UUIDField()
    email = serializers.CharField()


class CurrentUser(Account):
    roles = serializers.ListField(child=serializers.CharField())


class Currently(serializers.Serializer[Any]):
    currentUser = CurrentUser(allow_null=True)


class Person(Account):
    """A user as staff sees him. `email` is null once the account is closed."""

    email = serializers.CharField(allow_null=True)
    roles = serializers.ListField(child=serializers.ChoiceField(STAFF))
    active = serializers.BooleanField()
    createdAt = serializers.DateTimeField(source="created_at")
    bannedAt = serializers.DateTimeField(source="banned_at", allow_null=True)
    banReason = serializers.CharField(source="ban_reason")
    closedAt = serializers.DateTimeField(source="closed_at", allow_null=True)
    version = serializers.IntegerField()


class Ban(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class Roles(serializers.Serializer[Any]):
    roles = serializers.ListField(child=serializers.ChoiceField(STAFF), max_length=len(STAFF))


PARAMETERS = [
    OpenApiParameter("q", str, description="whose e-mail begins so"),
    OpenApiParameter("active", bool, description="neither banned nor closed, or one of these"),
    OpenApiParameter("role", {"type": "string", "enum": STAFF}, description="who has this role"),
]


class Search(filters.FilterSet):
    """Which people staff looks for."""

    q = filters.CharFilter(method="begins", max_length=254)
    active = filters.ChoiceFilter(choices=[("true", "true"), ("false", "false")], method="is_active")
    role = filters.ChoiceFilter(choices=[(role, role) for role in STAFF], method="has_role")

    class Meta:
        model = models.User
        fields: tuple[str, ...] = ()

    def begins(self, people: models.UserQuerySet, _name: str, text: str) -> models.UserQuerySet:
        return people.whose_email_begins(text)

    def is_active(self, people: models.UserQuerySet, _name: str, text: str) -> models.UserQuerySet:
        return people.filter(active=text == "true")

    def has_role(self, people: models.UserQuerySet, _name: str, role: str) -> models.UserQuerySet:
        return people.filter(roles__contains=[role])

    @classmethod
    def read(cls, request: Request, people: models.UserQuerySet) -> models.UserQuerySet:
        """Those that are asked for. Raises ValidationError for a parameter that makes no sense."""
        search = cls(request.query_params, queryset=people)
        if not search.is_valid():
            raise exceptions.ValidationError(search.errors)
        found: models.UserQuerySet = search.qs  # type: ignore[assignment] # the same class that went in
        return found
