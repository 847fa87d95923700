"""What people send about themselves, and how a user is shown."""

from typing import Any

from django.core import validators
from rest_framework import serializers

from auth_service.users import models, passwords

# No address that looks like another one: a domain in other letters is written in its ASCII form (xn--…).
ASCII = validators.RegexValidator(r"\A[\x21-\x7e]+\Z", "Enter a valid email address.", code="invalid")


class NewAccount(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254, validators=[ASCII])
    password = serializers.CharField(
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
        trim_whitespace=False,
        validators=[passwords.check_not_common],
    )


class Credentials(serializers.Serializer[Any]):
    """No rule that would tell a wrong guess from an impossible one."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=passwords.MAX_LENGTH, trim_whitespace=False)


class Refresh(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=200, required=False)


class Account(serializers.Serializer[models.User]):
    id = serializers.UUIDField()
    email = serializers.CharField()


class CurrentUser(Account):
    roles = serializers.ListField(child=serializers.CharField())


class Currently(serializers.Serializer[Any]):
    currentUser = CurrentUser(allow_null=True)
