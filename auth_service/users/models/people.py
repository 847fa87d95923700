"""What is true of people."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import ClassVar, Self

from django.db import IntegrityError, models, transaction
from django.db.models.functions import Collate, Lower

from shared import errors
from shared.identity import models as identity

ROLES = identity.STAFF_ROLES


class UnknownUser(errors.NotFound):
    detail = "There is no such user."


class EmailInUse(errors.Invalid):
    code = "email_in_use"
    detail = "Email in use"


class NotActive(errors.Conflict):
    code = "not_active"
    detail = "This account is banned or closed."


class NotBanned(errors.Conflict):
    code = "not_banned"
    detail = "This account is not banned."


class UnknownRole(errors.Invalid):
    code = "unknown_role"
    detail = "There is no such role."


class UserQuerySet(models.QuerySet["User"]):
    def whose_email_begins(self, text: str) -> Self:
        """In whatever case; compared byte by byte, as the index is."""
        return self.alias(lowered=BYTES_OF_EMAIL).filter(lowered__startswith=text.lower())


BYTES_OF_EMAIL = Collate(Lower("email"), "C")


class User(identity.Account):
    """Somebody with an account. An inactive one is banned, or closed and then erased."""

    password = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    banned_at = models.DateTimeField(null=True)
    ban_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    closed_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)

    objects = UserQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="user_newest"),
            models.Index(BYTES_OF_EMAIL, name="user_email_prefix"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="email_in_use"),
            models.CheckConstraint(
                condition=models.Q(active=True, banned_at=None, closed_at=None)
                | models.Q(models.Q(banned_at__isnull=False) | models.Q(closed_at__isnull=False), active=False),
                name="active_unless_banned_or_closed",
            ),
        ]

    @classmethod
    def register(cls, *, email: str, password: str, now: dt.datetime) -> "User":
        """Make an account; `password` is already hashed. Raises EmailInUse."""
        try:
            with transaction.atomic():
                return cls.objects.create(email=email, password=password, created_at=now)
        except IntegrityError as error:
            raise EmailInUse(field="email") from error

    @classmethod
    def with_email(cls, email: str) -> "User | None":
        """The account of that address, in whatever case it is written."""
        return cls.objects.annotate(lowered=Lower("email")).filter(lowered=email.lower()).first()

    @classmethod
    def with_id(cls, user_id: uuid.UUID) -> "User | None":
        return cls.objects.filter(pk=user_id).first()

    @classmethod
    def locked(cls, user_id: uuid.UUID) -> "User":
        """The account, its row locked. Raises DoesNotExist."""
        return cls.objects.select_for_update().get(pk=user_id)

    @classmethod
    def locked_among(cls, user_ids: Iterable[uuid.UUID]) -> "list[User]":
        """Those of the accounts that exist, their rows locked in one order."""
        return list(cls.objects.select_for_update().filter(pk__in=user_ids).order_by("pk"))

    def ban(self, *, now: dt.datetime, reason: str, last_token_at: dt.datetime) -> None:
        """Refuse this user and every token issued until now. `last_token_at`: when the last was issued."""
        self._must_be_active()
        self.active, self.banned_at, self.ban_reason = False, now, reason
        self._end_tokens(now, last_token_at)
        self._change()

    def reinstate(self) -> None:
        """Let a banned user sign in again; his earlier tokens stay refused."""
        if self.banned_at is None or self.closed_at is not None:
            raise NotBanned
        self.active, self.banned_at, self.ban_reason = True, None, ""
        self._change()

    def close(self, *, now: dt.datetime, last_token_at: dt.datetime) -> None:
        """Erase who this was. The row stays, for others name its id."""
        if self.closed_at is not None:
            raise NotActive
        self.active, self.closed_at = False, now
        self.email, self.password, self.roles, self.ban_reason = None, "", [], ""
        self._end_tokens(now, last_token_at)
        self._change()

    def take_roles(self, roles: list[str]) -> None:
        self._must_be_active()
        if not ROLES.issuperset(roles):
            raise UnknownRole(field="roles")
        self.roles = sorted(set(roles))
        self._change()

    def take_password(self, encoded: str) -> None:
        """Make `encoded`, already hashed, the password."""
        self._must_be_active()
        self.password = encoded
        self.save(update_fields=["password"])

    def verify(self, now: dt.datetime) -> None:
        """The address is proven to be this user's."""
        self._must_be_active()
        self.verified_at = self.verified_at or now
        self.save(update_fields=["verified_at"])

    def _must_be_active(self) -> None:
        if not self.active:
            raise NotActive

    def _end_tokens(self, now: dt.datetime, last_token_at: dt.datetime) -> None:
        # A sign-in that this waited for may have issued a token at a later time than `now` was taken.
        self.tokens_valid_after = max(now, last_token_at, self.tokens_valid_after)

    def _change(self) -> None:
        self.version += 1
        self.save()
