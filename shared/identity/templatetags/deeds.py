"""`{% load deeds %}`: what an entry of the log of actions says."""

from django import template
from django.contrib.admin.models import LogEntry

from shared.identity import actions

register = template.Library()


@register.filter
def deed(entry: LogEntry) -> actions.Deed:
    return actions.read(entry)
