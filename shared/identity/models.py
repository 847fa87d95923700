"""The service's own copy of who exists, which sessions are over and which keys may sign."""

import datetime as dt
from typing import ClassVar

from django.contrib.postgres import fields
from django.db import models

from shared import ids

ADMIN, SUPPORT, MODERATOR, FINANCE = "admin", "support", "moderator", "finance"
STAFF_ROLES = frozenset({ADMIN, SUPPORT, MODERATOR, FINANCE})

# A user none of whose tokens was ever refused.
ALWAYS = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Account(models.Model):
    """What every service knows of a user. Django's admin takes it for its user model.

    `email` is null once the account is closed. Tokens issued at `tokens_valid_after` or before are refused.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    email = models.CharField(max_length=254, null=True)
    roles = fields.ArrayField(models.CharField(max_length=20), default=list, blank=True)
    active = models.BooleanField(default=True)
    tokens_valid_after = models.DateTimeField(default=ALWAYS, db_index=True)
    version = models.PositiveIntegerField(default=0)

    # An e-mail may become null, so it is not what a user is called by.
    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_anonymous = False
    is_authenticated = True

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.email or f"closed account {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def is_staff(self) -> bool:
        return self.active and not STAFF_ROLES.isdisjoint(self.roles)

    @property
    def is_superuser(self) -> bool:
        return self.active and ADMIN in self.roles

    def get_username(self) -> str:
        return str(self.pk)

    def get_short_name(self) -> str:
        return str(self)

    def has_role(self, *roles: str) -> bool:
        """Whether this is an active user with one of `roles`."""
        return self.active and not set(roles).isdisjoint(self.roles)

    def has_perm(self, perm: str, _obj: models.Model | None = None) -> bool:
        """Django's "app.action_model": an admin may do everything, other staff may look."""
        action = perm.partition(".")[2].partition("_")[0]
        return self.is_superuser or (self.is_staff and action == "view")

    def has_perms(self, perms: list[str], obj: models.Model | None = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, _app_label: str) -> bool:
        return self.is_staff


class User(Account):
    """The copy of auth's user that every other service keeps. Rows are emptied, never deleted."""

    class Meta:
        swappable = "AUTH_USER_MODEL"


class RevokedSession(models.Model):
    """A session whose tokens are refused; past `expires_at` none can be alive and the row may go."""

    id = models.UUIDField(primary_key=True, editable=False)
    user_id = models.UUIDField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.pk)


class PublicKey(models.Model):
    """A key that auth signs with. `jwk` is null for one that was retired before it was ever fetched."""

    kid = models.CharField(max_length=64, primary_key=True)
    jwk = models.JSONField(null=True)
    retired = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.kid


class Change(models.Model):
    """One row that tells readers cheaply whether anything here has changed, and whether keys are to be fetched."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    counter = models.BigIntegerField(default=0)
    keys_wanted = models.BigIntegerField(default=0)
    keys_fetched = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"change {self.counter}"
