"""What is true of sessions: families of refresh tokens."""

import datetime as dt
import hashlib
import hmac
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import Self

from django.conf import settings
from django.db import models

from auth_service.users.models import devices, people
from shared import ids
from shared.identity import models as identity

LAST_GRACE = dt.timedelta(seconds=10)


class Session(models.Model):
    """A family of refresh tokens: one browser that has signed in, and how often it has renewed since.

    No token is stored. A refresh token is `family.generation.secret`, its secret an HMAC of the other two, so the
    current one can be told again to a second tab that asked at the same moment.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    user = models.ForeignKey(people.User, models.PROTECT, related_name="sessions")
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
    def start(cls, *, user: people.User, agent: str, now: dt.datetime) -> Self:
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
    def alive(cls, *, user_id: uuid.UUID, now: dt.datetime) -> "models.QuerySet[Self]":
        """The user's sessions that go on."""
        return cls.objects.filter(user_id=user_id, revoked_at=None, expires_at__gt=now)

    @classmethod
    def locked_of(cls, user: people.User) -> list[Self]:
        """The user's sessions that nobody has ended, their rows locked in one order."""
        return list(cls.objects.select_for_update().filter(user=user, revoked_at=None).order_by("pk"))

    @classmethod
    def revoke_all(cls, *, user: people.User, now: dt.datetime) -> dt.datetime:
        """End the user's sessions, with nothing said: the caller's event ends them everywhere.

        Gives the time of the last token that any of them was issued.
        """
        cls.locked_of(user)  # in one order; an update takes the rows as it finds them
        ended = cls.objects.raw(
            "UPDATE users_session SET revoked_at = %s WHERE user_id = %s AND revoked_at IS NULL RETURNING *",
            [now, user.pk],
        )
        return max((session.seen_at for session in ended), default=identity.ALWAYS)

    @classmethod
    def forget_agents(cls, *, user: people.User) -> None:
        """Empty what the user's browsers called themselves."""
        cls.objects.filter(user=user).update(agent="")

    @property
    def device(self) -> str:
        """The browser, as its owner would call it."""
        return devices.describe(self.agent)

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
