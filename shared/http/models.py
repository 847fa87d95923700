"""What the HTTP side remembers: answers that may be asked for again, and how often somebody has asked."""

from typing import ClassVar

from django.db import models


class IdempotentAnswer(models.Model):
    """The first answer to a request with an Idempotency-Key, stored in the transaction of its effect.

    `status` is null while an effect of several transactions is under way, or was cut off.
    """

    user_id = models.UUIDField()
    method = models.CharField(max_length=6)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "method", "path", "key"], name="one_answer_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}: {self.status}"


class Count(models.Model):
    """How often something was done in the window of time that began when it was first done."""

    bucket = models.CharField(max_length=200, primary_key=True)
    window_ends = models.DateTimeField(db_index=True)
    number = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.bucket}: {self.number}"
