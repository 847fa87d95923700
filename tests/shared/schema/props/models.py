"""A table whose columns are added one after the other, to try on it how a table is changed that is in use."""

from typing import ClassVar

from django.db import models


class Prop(models.Model):
    name = models.CharField(max_length=50)
    colour = models.CharField(max_length=50, null=True)
    weight = models.IntegerField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["weight"], name="prop_weight")]
