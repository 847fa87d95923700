"""The one table of a service that stages plays, to try on it what all services share."""

from django.db import models

from shared import ids


class Play(models.Model):
    id = models.UUIDField(primary_key=True, default=ids.new)
    title = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField(default=1250)
    currency = models.CharField(max_length=3, default="USD")
    starts_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=0)
