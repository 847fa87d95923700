"""What is true of signing keys."""

import datetime as dt
from typing import Self

from django.db import models


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
