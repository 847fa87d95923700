"""`gateway`: the gateway has auth judge the credentials, and the service believes only auth's signed word on it.

The gateway deletes the header from every request and sets it from nothing but auth's answer. That it is signed, and
for this service alone, means that nobody else inside has to be trusted: who reaches a service's port past the gateway
is nobody there.
"""

from django.conf import settings
from django.http import HttpRequest

from shared.identity import tokens
from shared.identity.strategies import local, presented

HEADER = "X-Identity-Assertion"


def identify(request: HttpRequest) -> tokens.Identity | None:
    """Whom auth vouches for. Raises tokens.InvalidToken, errors.Unavailable."""
    assertion = request.headers.get(HEADER)
    if assertion is not None:
        return local.judge(assertion, profile=tokens.assertion(settings.SERVICE))
    shown = presented.read(request)
    if shown is not None and shown.as_bearer:
        raise tokens.InvalidToken("auth does not vouch for this bearer")
    return None
