"""`local`: the service proves the token itself, with keys and revocations of its own. It asks nobody."""

import datetime as dt

from django.http import HttpRequest

from shared.identity import state, tokens
from shared.identity.strategies import presented


def identify(request: HttpRequest) -> tokens.Identity | None:
    """Who is asking. Raises tokens.InvalidToken, errors.Unavailable."""
    return presented.identify(request, judge)


def judge(token: str, *, profile: tokens.Profile | None = None) -> tokens.Identity:
    """Prove a token (an access token, unless `profile` says otherwise) and consult the revocations.

    Raises tokens.InvalidToken, errors.Unavailable.
    """
    snapshot = state.current()
    identity = tokens.verify(token, snapshot.keys, now=dt.datetime.now(dt.UTC), profile=profile)
    if snapshot.refuses(identity):
        raise tokens.InvalidToken("revoked")
    return identity
