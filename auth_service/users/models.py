"""What is true of people, their sessions and the keys that sign for them."""

import datetime as dt
import hashlib
import hmac
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import ClassVar, Self

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Lower

from shared import errors, ids
from shared.identity import models as identity

ROLES = identity.STAFF_ROLES
LAST_GRACE = dt.timedelta(seconds=10)


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


class User(identity.Account):
    """Somebody with an account. An inactive one is banned, or closed and then erased."""

    password = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    banned_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="email_in_use"),
            models.CheckConstraint(
                condition=models.Q(active=True, banned_at=None, closed_at=None)
                | models.Q(models.Q(banned_at__isnull=False) | models.Q(closed_at__isnull=False), active=False),
                name="active_unless_banned_or_closed",
            ),
        ]

    @classmethod
    def register(cls, *, email: str, password: str, now: dt.datetime) -> Self:
        """Make an account; `password` is already hashed. Raises EmailInUse."""
        try:
            with transaction.atomic():
                return cls.objects.create(email=email, password=password, created_at=now)
        except IntegrityError as error:
            raise EmailInUse(field="email") from error

    @classmethod
    def with_email(cls, email: str) -> Self | None:
        """The account of that address, in whatever case it is written."""
        return cls.objects.annotate(lowered=Lower("email")).filter(lowered=email.lower()).first()

    @classmethod
    def locked(cls, user_id: uuid.UUID) -> Self:
        """The account, its row locked. Raises DoesNotExist."""
        return cls.objects.select_for_update().get(pk=user_id)

    def ban(self, *, now: dt.datetime, last_token_at: dt.datetime) -> None:
        """Refuse this user and every token issued until now. `last_token_at`: when the last was issued."""
        self._must_be_active()
        self.active, self.banned_at = False, now
        self._end_tokens(now, last_token_at)
        self._change()

    def reinstate(self) -> None:
        """Let a banned user sign in again; his earlier tokens stay refused."""
        if self.banned_at is None or self.closed_at is not None:
            raise NotBanned
        self.active, self.banned_at = True, None
        self._change()

    def close(self, *, now: dt.datetime, last_token_at: dt.datetime) -> None:
        """Erase who this was. The row stays, for others name its id."""
        if self.closed_at is not None:
            raise NotActive
        self.active, self.closed_at = False, now
        self.email, self.password, self.roles = None, "", []
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

    def _must_be_active(self) -> None:
        if not self.active:
            raise NotActive

    def _end_tokens(self, now: dt.datetime, last_token_at: dt.datetime) -> None:
        # A sign-in that this waited for may have issued a token at a later time than `now` was taken.
        self.tokens_valid_after = max(now, last_token_at, self.tokens_valid_after)

    def _change(self) -> None:
        self.version += 1
        self.save()


class Session(models.Model):
    """A family of refresh tokens: one browser that has signed in, and how often it has renewed since.

    No token is stored. A refresh token is `family.generation.secret`, its secret an HMAC of the other two, so the
    current one can be told again to a second tab that asked at the same moment.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="sessions")
    generation = models.PositiveIntegerField(default=0)
    agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"session {self.pk}"

    @classmethod
    def start(cls, *, user: User, agent: str, now: dt.datetime) -> Self:
        times = {
            "created_at": now,
            "rotated_at": now,
            "seen_at": now,
            "expires_at": now + settings.REFRESH_TOKEN_LIFE,
        }
        return cls.objects.create(user=user, agent=agent[:200], **times)

    @classmethod
    def rotate(cls, *, family: uuid.UUID, generation: int, agent: str, now: dt.datetime) -> Self | None:
        """Move the family from `generation` to the next, if it stands there. This one statement decides a race."""
        moved = cls.objects.raw(
            "UPDATE users_session SET generation = generation + 1, rotated_at = %s, seen_at = greatest(seen_at, %s),"
            " expires_at = %s, agent = %s WHERE id = %s AND generation = %s AND revoked_at IS NULL"
            " AND expires_at > %s RETURNING *",
            [now, now, now + settings.REFRESH_TOKEN_LIFE, agent[:200], family, generation, now],
        )
        return next(iter(moved), None)

    @classmethod
    def locked(cls, family: uuid.UUID) -> Self | None:
        """The family, its row locked, or None where there is no such."""
        return cls.objects.select_for_update().filter(pk=family).first()

    @classmethod
    def locked_among(cls, families: Iterable[uuid.UUID | None]) -> list[Self]:
        """Those of the families that exist, their rows locked in one order."""
        return list(cls.objects.select_for_update().filter(pk__in=families).order_by("pk"))

    @classmethod
    def revoke_all(cls, *, user: User, now: dt.datetime) -> dt.datetime:
        """End the user's sessions, with nothing said: the caller's event ends them everywhere.

        Gives the time of the last token that any of them was issued.
        """
        ended = cls.objects.raw(
            "UPDATE users_session SET revoked_at = %s WHERE user_id = %s AND revoked_at IS NULL RETURNING *",
            [now, user.pk],
        )
        return max((session.seen_at for session in ended), default=identity.ALWAYS)

    def is_alive(self, now: dt.datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now

    def is_graceful(self, *, generation: int, now: dt.datetime) -> bool:
        """Whether `generation` is the one before the current and was so until a moment ago (parallel tabs)."""
        return generation + 1 == self.generation and now - self.rotated_at <= LAST_GRACE

    def seen(self, now: dt.datetime) -> None:
        """Another token is issued to this session now."""
        self.seen_at = max(self.seen_at, now)
        self.save(update_fields=["seen_at"])

    def revoke(self, now: dt.datetime) -> bool:
        """End it; False where it had ended already. The row must be locked."""
        if self.revoked_at is not None:
            return False
        self.revoked_at = now
        self.save(update_fields=["revoked_at"])
        return True

    def refresh_token(self) -> str:
        """The refresh token of the current generation."""
        return f"{self.pk.hex}.{self.generation}.{_secret(self.pk, self.generation)}"


def read_refresh_token(token: str) -> tuple[uuid.UUID, int] | None:
    """The family and generation of a refresh token that we have issued, or None for any other text."""
    family, _, rest = token.partition(".")
    generation, _, secret = rest.partition(".")
    if len(token) > 120 or not token.isascii() or not generation.isdigit() or len(generation) > 9:
        return None
    try:
        found = uuid.UUID(hex=family)
    except ValueError:
        return None
    same = hmac.compare_digest(f"{found.hex}.{int(generation)}.{_secret(found, int(generation))}", token)
    return (found, int(generation)) if same and secret else None


def _secret(family: uuid.UUID, generation: int) -> str:
    key: str = settings.REFRESH_SECRET
    digest = hmac.digest(key.encode(), family.bytes + generation.to_bytes(8, "big"), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


class SigningKey(models.Model):
    """An ES256 key pair. The private half is sealed with SIGNING_SECRET (see `tokens`)."""

    kid = models.CharField(max_length=64, primary_key=True)
    jwk = models.JSONField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    active_from = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.kid

    @classmethod
    def current(cls, now: dt.datetime) -> Self | None:
        """The key to sign with: the latest that is in force."""
        return cls.published().filter(active_from__lte=now).order_by("active_from").last()

    @classmethod
    def published(cls) -> "models.QuerySet[Self]":
        """The keys whose tokens count."""
        return cls.objects.filter(retired_at__isnull=True)
