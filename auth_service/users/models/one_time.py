"""What is true of one-time tokens: the links in mails that let somebody in, or prove an address."""

import datetime as dt
import hashlib
import hmac
import uuid
from base64 import urlsafe_b64encode
from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from auth_service.users.models import people
from shared import errors, ids


class InvalidLink(errors.Invalid):
    code = "invalid_token"
    detail = "This link is not valid any more. Ask for a new one."


class Purpose(models.TextChoices):
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name
    EMAIL_VERIFICATION = "email_verification"


UNUSED = models.Q(used_at=None, voided_at=None)


class OneTimeToken(models.Model):
    """Good for one purpose, one address and one use. A user has at most one of a purpose: a new one voids the older.

    No token is stored. It is `id.secret`, its secret an HMAC of the id and of the user's address, so whoever reads the
    rows has none, and when the address is another or gone the token is none any more.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    user = models.ForeignKey(people.User, models.PROTECT, related_name="one_time_tokens")
    purpose = models.CharField(max_length=20, choices=Purpose)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("user", "purpose", condition=UNUSED, name="one_unused_token"),
            models.CheckConstraint(condition=~models.Q(used_at__isnull=False, voided_at__isnull=False), name="one_end"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"

    @classmethod
    def issue(cls, *, user: people.User, purpose: Purpose, now: dt.datetime) -> Self:
        """Make one, which takes the place of one that was not used. The user's row must be locked."""
        cls.void(user=user, purpose=purpose, now=now)
        life = settings.ONE_TIME_TOKEN_LIVES[purpose]
        return cls.objects.create(user=user, purpose=purpose, made_at=now, expires_at=now + life)

    @classmethod
    def void(cls, *, user: people.User, purpose: Purpose, now: dt.datetime) -> None:
        """Make the one that was not used, if there is one, good for nothing."""
        cls.objects.filter(UNUSED, user=user, purpose=purpose).update(voided_at=now)

    @classmethod
    def read(cls, text: str, *, purpose: Purpose, now: dt.datetime) -> Self:
        """The token that `text` is, its user with it. Raises InvalidLink for what is none, or is over."""
        found = cls.objects.select_related("user").filter(pk=_id(text), purpose=purpose).first()
        if found is None or not found.is_good(now) or not hmac.compare_digest(found.text(), text):
            raise InvalidLink
        return found

    def use(self, now: dt.datetime) -> None:
        """Use it up. This one statement decides a race; raises InvalidLink for whoever comes second."""
        mine = type(self).objects.filter(UNUSED, pk=self.pk, expires_at__gt=now).update(used_at=now)
        if not mine:
            raise InvalidLink

    def is_good(self, now: dt.datetime) -> bool:
        """Whether somebody may use it now."""
        unused = self.used_at is None and self.voided_at is None
        return unused and self.expires_at > now and self.user.active

    def text(self) -> str:
        """The token itself, as it stands in a link."""
        return f"{self.pk.hex}.{self._secret()}"

    def _secret(self) -> str:
        # Labelled, so that what one key makes for one purpose is worth nothing for another.
        label = f"one-time token: {self.purpose}"
        key = hmac.digest(settings.REFRESH_SECRET.encode(), label.encode(), hashlib.sha256)
        address = (self.user.email or "").lower()
        digest = hmac.digest(key, self.pk.bytes + address.encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _id(text: str) -> uuid.UUID | None:
    """The id in a token, unless no token of ours looks like `text`."""
    if len(text) > 120 or not text.isascii():
        return None
    try:
        return uuid.UUID(hex=text.partition(".")[0])
    except ValueError:
        return None
