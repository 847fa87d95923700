"""Which provider it is."""

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from payments_service.payments.providers import port, watched


def current() -> port.Provider:
    """The provider that PAYMENT_PROVIDER names. Raises `CalledInTransaction` where a transaction is open."""
    if connection.in_atomic_block:
        raise port.CalledInTransaction("end the transaction before asking the payment provider")
    provider: port.Provider = import_string(settings.PAYMENT_PROVIDER)()
    return watched.Watched(provider)
