"""What is true of the secrets by which services prove to auth who they are."""

import datetime as dt
import hashlib
from typing import Self

from django.db import models

from shared import errors, ids

SHORTEST = 32
AT_ONCE = 2


class WeakSecret(errors.Invalid):
    code = "weak_secret"
    detail = f"The secret of a service has {SHORTEST} characters or more, made by a machine."


class TooManyCredentials(errors.Conflict):
    code = "too_many_credentials"
    detail = f"{AT_ONCE} secrets of this service are valid already: retire one first."


class NotValid(errors.Conflict):
    code = "credential_retired"
    detail = "This secret is retired already."


class ServiceCredential(models.Model):
    """One secret of one service. Two may be valid at once, so that a new one is in use before the old one is retired.

    Only a digest is kept. It is a fast one, which would not do for what people think of: these are made by a machine,
    too long to be guessed, and compared at every request.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    service = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.service}"

    @classmethod
    def valid(cls, service: str) -> "models.QuerySet[Self]":
        """Those that `service` may show."""
        return cls.objects.filter(service=service, retired_at__isnull=True)

    @classmethod
    def is_shown(cls, *, service: str, secret: str) -> bool:
        """Whether `secret` proves that `service` is asking."""
        return cls.valid(service).filter(digest=_digest(secret)).exists()

    @classmethod
    def add(cls, *, service: str, secret: str, now: dt.datetime) -> Self:
        """Let `secret` count; the one that counts already is left as it is. Raises WeakSecret, TooManyCredentials."""
        if len(secret) < SHORTEST:
            raise WeakSecret
        valid = list(cls.valid(service))
        for known in valid:
            if known.digest == _digest(secret):
                return known
        if len(valid) >= AT_ONCE:
            raise TooManyCredentials
        return cls.objects.create(service=service, digest=_digest(secret), created_at=now)

    def retire(self, now: dt.datetime) -> None:
        """Let it count no more. Raises NotValid."""
        if self.retired_at is not None:
            raise NotValid
        self.retired_at = now
        self.save(update_fields=["retired_at"])


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
