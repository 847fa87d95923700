"""Which of the three proves who is asking is said by one setting, IDENTITY_STRATEGY, and decided here alone."""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest

from shared.identity import tokens
from shared.identity.strategies import gateway, introspect, local

Strategy = Callable[[HttpRequest], tokens.Identity | None]

STRATEGIES: Mapping[str, Strategy] = {
    "local": local.identify,
    "introspect": introspect.identify,
    "gateway": gateway.identify,
}


def identify(request: HttpRequest) -> tokens.Identity | None:
    """Who is asking; None for nobody that can be proved.

    Raises tokens.InvalidToken for an invalid bearer, errors.Unavailable where credentials cannot be judged.
    """
    return STRATEGIES[settings.IDENTITY_STRATEGY](request)
