"""Settings of messaging that would be unsafe together, found before the process starts."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core import checks

_DAY = dt.timedelta(days=1)


@checks.register(checks.Tags.compatibility)
def check_retention(app_configs: Any, **_options: Any) -> list[checks.CheckMessage]:
    """An event that can be told again must still be known to whoever has heard it, and no ban may be forgotten."""
    found: list[checks.CheckMessage] = []
    if settings.MESSAGING_LOG_RETENTION < _DAY:
        hint = "Set LOG_RETENTION_DAYS to 1 or more: a session.revoked has to outlive the tokens it refuses."
        found.append(checks.Error("The log is kept for too short a time.", hint=hint, id="messaging.E001"))
    if settings.MESSAGING_INBOX_RETENTION < settings.MESSAGING_LOG_RETENTION + _DAY:
        hint = "Set INBOX_RETENTION_DAYS to at least LOG_RETENTION_DAYS + 1, for all services alike."
        found.append(
            checks.Error(
                "The inbox would forget events that a replay can still bring, and their effect would happen twice.",
                hint=hint,
                id="messaging.E002",
            )
        )
    return found
