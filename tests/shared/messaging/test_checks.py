"""Settings that would let something be forgotten are found before the process starts."""

import datetime as dt

import pytest
from django.core import checks

from shared.messaging.checks import check_retention


@pytest.mark.parametrize(
    ("log_days", "inbox_days", "found"),
    [(30, 60, []), (30, 31, []), (30, 30, ["messaging.E002"]), (0, 60, ["messaging.E001"])],
)
def test_the_inbox_has_to_remember_longer_than_a_replay_can_reach(settings, log_days, inbox_days, found):
    settings.MESSAGING_LOG_RETENTION = dt.timedelta(days=log_days)
    settings.MESSAGING_INBOX_RETENTION = dt.timedelta(days=inbox_days)

    assert [error.id for error in check_retention(None)] == found


def test_django_asks_for_it(settings):
    settings.MESSAGING_INBOX_RETENTION = dt.timedelta()

    assert "messaging.E002" in [error.id for error in checks.run_checks()]
