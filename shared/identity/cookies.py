"""The cookies of a session, named and pathed as the contract words them.

On https the names carry the `__Host-` and `__Secure-` prefixes (RFC 6265bis §4.1.3), which no sub-domain and no plain
http page can plant, and only those names are read.
"""

import datetime as dt

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

MARKER = "signed_in"
RESUMED = "resumed"
REFRESH_PATH = "/api/users"
RESUMED_LIFE = dt.timedelta(seconds=10)


def is_secure() -> bool:
    """Whether the public origin is https."""
    origin: str = settings.PUBLIC_ORIGIN
    return origin.startswith("https://")


def access_name() -> str:
    return "__Host-access_token" if is_secure() else "access_token"


def refresh_name() -> str:
    return "__Secure-refresh_token" if is_secure() else "refresh_token"


def access_token(request: HttpRequest) -> str | None:
    """The access token that came in a cookie, unverified."""
    return request.COOKIES.get(access_name())


def refresh_token(request: HttpRequest) -> str | None:
    """The refresh token that came in a cookie, unverified; browsers send it to `/api/users` only."""
    return request.COOKIES.get(refresh_name())


def keep(
    response: HttpResponseBase,
    *,
    access: str,
    refresh: str,
    access_life: dt.timedelta,
    refresh_life: dt.timedelta,
) -> None:
    """Hand a session to the browser: both tokens, and a marker that scripts may read."""
    put(response, access_name(), access, path="/", life=access_life)
    put(response, refresh_name(), refresh, path=REFRESH_PATH, life=refresh_life)
    put(response, MARKER, "1", path="/", life=refresh_life, readable=True)


def clear(response: HttpResponseBase) -> None:
    """Make the browser forget its session."""
    for name, path in ((access_name(), "/"), (refresh_name(), REFRESH_PATH), (MARKER, "/")):
        put(response, name, "", path=path, life=dt.timedelta(), readable=name == MARKER)


def keep_resumed(response: HttpResponseBase) -> None:
    """Make the browser remember for a moment that its session was renewed on the way to a page."""
    put(response, RESUMED, "1", path="/", life=RESUMED_LIFE)


def is_worth_resuming(request: HttpRequest) -> bool:
    """Whether a session may be there to renew, and was not renewed a moment ago without it having helped."""
    return MARKER in request.COOKIES and RESUMED not in request.COOKIES


def put(
    response: HttpResponseBase,
    name: str,
    value: str,
    *,
    path: str,
    life: dt.timedelta,
    readable: bool = False,
) -> None:
    """Give the browser a cookie that pages of other sites do not send along with what they post."""
    response.set_cookie(
        name,
        value,
        max_age=int(life.total_seconds()),
        path=path,
        secure=is_secure(),
        httponly=not readable,
        samesite="Lax",
    )
