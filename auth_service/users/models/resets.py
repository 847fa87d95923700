"""What is true of requests to reset a password."""

import datetime as dt
from typing import Self

from django.db import models

from shared import ids


class ResetRequest(models.Model):
    """Somebody has asked for a link to that address. Whether it is anybody's is found out later, by the worker:

    so the answer comes at the same speed for every address. The row is deleted with the answer.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    email = models.CharField(max_length=254)
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"reset request {self.pk}"

    @classmethod
    def ask(cls, *, email: str, now: dt.datetime) -> Self:
        return cls.objects.create(email=email, asked_at=now)

    @classmethod
    def forget(cls, email: str | None) -> None:
        """Delete what was asked for that address, in whatever case."""
        cls.objects.filter(email__iexact=email or "").delete()

    @classmethod
    def oldest(cls) -> Self | None:
        return cls.objects.order_by("asked_at").first()

    def take(self) -> bool:
        """Delete it, for the caller alone: whether nobody else had, who has answered or forgotten it."""
        deleted, _ = type(self).objects.filter(pk=self.pk).delete()
        return bool(deleted)
