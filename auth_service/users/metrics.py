"""Who asks about people: whoever watches over mail and keys."""

from collections.abc import Iterable

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily, Metric

from auth_service.users import queries
from shared import clock
from shared.messaging import gauges


def of_mail() -> Iterable[Metric]:
    """What the worker has to send."""
    rows = list(queries.mail_waiting(now=clock.now()))
    number, overdue = [(kind, many) for kind, many, _ in rows], [(kind, seconds) for kind, _, seconds in rows]
    yield gauges.by("mail", "auth_mail_waiting", "Mails and requests for one that wait, by what it is for", number)
    yield gauges.by(
        "mail", "auth_mail_overdue_seconds", "For how long the worker should have tried the oldest of them", overdue
    )
    failing = queries.mail_failing()
    yield GaugeMetricFamily("auth_mail_failing", "Mails that could not be sent when that was last tried", failing)


def of_keys() -> Iterable[Metric]:
    """The keys that sign."""
    keys = queries.keys_by_status()
    yield gauges.by("status", "auth_signing_keys", "Key pairs whose tokens count, by status", keys)
    age, life = queries.signing_key_age(now=clock.now()), settings.SIGNING_KEY_LIFE.total_seconds()
    yield GaugeMetricFamily("auth_signing_key_age_seconds", "How long the current key has signed", age)
    yield GaugeMetricFamily("auth_signing_key_life_seconds", "After how long the next takes its place; 0: never", life)
