"""What a request presents: the one reading of cookie and `Authorization` that all strategies share."""

import dataclasses
import logging
from collections.abc import Callable

from django.http import HttpRequest

from shared.identity import cookies, tokens

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """An access token, unverified. An invalid bearer is refused everywhere, an invalid cookie is nobody's."""

    token: str
    as_bearer: bool


def read(request: HttpRequest) -> Presented | None:
    """The token that counts: `Authorization`, where present, counts alone."""
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        return Presented(token=token.strip(), as_bearer=True) if scheme.lower() == "bearer" else None
    cookie = cookies.access_token(request)
    return Presented(token=cookie, as_bearer=False) if cookie else None


def identify(request: HttpRequest, judge: Callable[[str], tokens.Identity]) -> tokens.Identity | None:
    """Who is asking, if `judge` believes his token. Raises what `judge` does, but for the InvalidToken of a cookie."""
    presented = read(request)
    if presented is None:
        return None
    try:
        return judge(presented.token)
    except tokens.InvalidToken as error:
        if presented.as_bearer:
            raise
        logger.debug("cookie refused: %s", error)
        return None
