"""What is true of the keys that sign access tokens.

    standby ──activate──► current ──supersede──► previous ──retire──► retired

The standby is published and signs nothing yet, so that whoever checks tokens knows it before the first one comes; a
previous key is published until its last token is over. One that has leaked is retired from wherever it stands.
"""

import datetime as dt
from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from shared import errors
from shared.identity import tokens


class UnknownKey(errors.NotFound):
    code = "unknown_key"
    detail = "There is no such signing key."


class WrongKeyState(errors.Conflict):
    """The key's state forbids what was asked."""

    code = "wrong_state"

    def __init__(self, key: "SigningKey", asked: str) -> None:
        super().__init__(f"A signing key that is {key.status} cannot be {asked}.")


class SigningKey(models.Model):
    """An ES256 key pair, the private half sealed with SIGNING_SECRET (see `tokens`) and gone once it signs no more."""

    class Status(models.TextChoices):
        STANDBY = "standby"
        CURRENT = "current"
        PREVIOUS = "previous"
        RETIRED = "retired"

    kid = models.CharField(max_length=64, primary_key=True)
    jwk = models.JSONField()
    sealed = models.BinaryField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.STANDBY)
    created_at = models.DateTimeField()
    active_from = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["status"],
                condition=models.Q(status__in=("standby", "current")),
                name="one_current_key_and_one_standby",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("standby", "current")) | models.Q(sealed=b""),
                name="only_keys_that_may_sign_are_private",
            ),
        ]

    def __str__(self) -> str:
        return self.kid

    @classmethod
    def current(cls) -> Self | None:
        """The key to sign with."""
        return cls.objects.filter(status=cls.Status.CURRENT).first()

    @classmethod
    def standby(cls) -> Self | None:
        """The key to sign with next."""
        return cls.objects.filter(status=cls.Status.STANDBY).first()

    @classmethod
    def published(cls) -> "models.QuerySet[Self]":
        """The keys whose tokens count."""
        return cls.objects.exclude(status=cls.Status.RETIRED).order_by("created_at")

    @classmethod
    def called(cls, kid: str) -> Self:
        """The key of that name. Raises UnknownKey."""
        try:
            return cls.objects.get(kid=kid)
        except cls.DoesNotExist as error:
            raise UnknownKey from error

    @classmethod
    def outlived(cls, now: dt.datetime) -> list[Self]:
        """The previous keys whose last token is over, the leeway and as much again for differing clocks included."""
        last_issued_before = now - tokens.life() - 2 * tokens.LEEWAY
        return list(cls.objects.filter(status=cls.Status.PREVIOUS, superseded_at__lte=last_issued_before))

    @property
    def known_from(self) -> dt.datetime:
        """When every service has had the time to fetch it, also one that no event reaches."""
        lead: dt.timedelta = settings.SIGNING_KEY_LEAD
        return self.created_at + lead

    def is_due(self, now: dt.datetime) -> bool:
        """Whether it has signed for as long as one key should."""
        life: dt.timedelta = settings.SIGNING_KEY_LIFE
        return bool(life) and self.active_from is not None and self.active_from + life <= now

    def activate(self, now: dt.datetime) -> None:
        """From now on it signs."""
        self._demand(self.Status.STANDBY, asked="activated")
        self.status, self.active_from = self.Status.CURRENT, now
        self.save(update_fields=["status", "active_from"])

    def supersede(self, now: dt.datetime) -> None:
        """It signs no more; what it has signed still counts."""
        self._demand(self.Status.CURRENT, asked="superseded")
        self.status, self.superseded_at, self.sealed = self.Status.PREVIOUS, now, b""
        self.save(update_fields=["status", "superseded_at", "sealed"])

    def retire(self, now: dt.datetime) -> None:
        """Nothing that it has signed counts any more."""
        self._demand(self.Status.STANDBY, self.Status.CURRENT, self.Status.PREVIOUS, asked="retired")
        self.status, self.retired_at, self.sealed = self.Status.RETIRED, now, b""
        self.save(update_fields=["status", "retired_at", "sealed"])

    def _demand(self, *statuses: str, asked: str) -> None:
        if self.status not in statuses:
            raise WrongKeyState(self, asked)
