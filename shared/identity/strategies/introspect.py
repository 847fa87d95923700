"""`introspect`: the service asks auth about each token that it is shown (RFC 7662), and waits for the answer.

What auth says is the truth of that moment, and nothing is remembered. So nobody who shows a token is served while
auth is away, or does not answer in time; after a few who have waited in vain, the next are told so at once.
"""

import datetime as dt
import functools
import logging
from typing import Any

import httpx
from django.conf import settings
from django.http import HttpRequest

from shared import errors
from shared.http import breaker, calls
from shared.identity import tokens
from shared.identity.strategies import presented

TIMEOUT = httpx.Timeout(2.0)  # seconds; the gateway waits three for the whole answer

_UNUSABLE = (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError)
_FAILURES, _REST = 5, 1.0  # in a row; seconds

logger = logging.getLogger(__name__)


class AuthIsAway(errors.Unavailable):
    code = "identity_unavailable"
    detail = "Who you are cannot be checked at the moment."


def identify(request: HttpRequest) -> tokens.Identity | None:
    """Who is asking, as auth says now. Raises tokens.InvalidToken, AuthIsAway."""
    return presented.identify(request, judge)


def judge(token: str) -> tokens.Identity:
    """Have auth judge a token. Raises tokens.InvalidToken, AuthIsAway."""
    tokens.demand_form(token)  # auth need not be asked about nonsense
    said = _ask(token)
    if said.get("active") is not True:
        raise tokens.InvalidToken("auth says that it does not count")
    return tokens.identity_of(said, now=dt.datetime.now(dt.UTC), profile=tokens.access())


def _ask(token: str) -> dict[str, Any]:
    try:
        with _circuit().call():
            answer = _post(token)
            answer.raise_for_status()
            said = answer.json()
    except breaker.Open as error:
        raise AuthIsAway from error
    except _UNUSABLE as error:
        logger.warning("auth could not be asked about a token: %r", error)
        raise AuthIsAway from error
    if not isinstance(said, dict):
        logger.warning("auth did not answer with an object")
        raise AuthIsAway
    return said


def _post(token: str) -> httpx.Response:
    try:
        return _send(token)
    except (httpx.ReadError, httpx.RemoteProtocolError):
        # A kept connection that auth was just closing. To ask twice changes nothing.
        return _send(token)


def _send(token: str) -> httpx.Response:
    with calls.call("POST", settings.INTROSPECT_URL) as call:
        answer = _client().post(
            settings.INTROSPECT_URL,
            data={"token": token},
            auth=(settings.SERVICE, settings.INTROSPECT_SECRET),
            headers=call.headers,
        )
        return call.answered(answer)


@functools.cache
def _circuit() -> breaker.Breaker:
    return breaker.Breaker(failures=_FAILURES, rest=_REST)


@functools.cache
def _client() -> httpx.Client:
    """The connections of this process, made after the fork, by the first who asks."""
    return httpx.Client(timeout=TIMEOUT, trust_env=False)
