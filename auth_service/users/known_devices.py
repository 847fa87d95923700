"""Browsers in which somebody has signed in before, by a cookie (OWASP's "device cookies").

Their guesses at that account count for themselves: a stranger who fills the account's bucket does not keep its owner
out. The cookie proves nothing else, outlives the session, and is made anew by every sign-in.
"""

import datetime as dt
import hashlib
import hmac
import secrets
import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from shared.http import paths
from shared.identity import cookies

LIFE = dt.timedelta(days=180)


def cookie_name() -> str:
    return "__Host-known_device" if cookies.is_secure() else "known_device"


def remember(response: HttpResponseBase, *, user_id: uuid.UUID) -> None:
    """Make the browser one in which this user has signed in."""
    value, life = _sealed(user_id, secrets.token_urlsafe(16)), int(LIFE.total_seconds())
    response.set_cookie(
        cookie_name(), value, max_age=life, path="/", secure=cookies.is_secure(), httponly=True, samesite="Lax"
    )


def read(request: HttpRequest) -> tuple[uuid.UUID, str] | None:
    """Who has signed in in this browser, and the browser's own name; None where no cookie of ours says so."""
    value = request.COOKIES.get(cookie_name(), "")
    user, _, rest = value.partition(".")
    user_id = paths.parse_id(user)
    if user_id is None or not value.isascii() or len(value) > 200:
        return None
    nonce = rest.partition(".")[0]
    return (user_id, nonce) if hmac.compare_digest(_sealed(user_id, nonce), value) else None


def _sealed(user_id: uuid.UUID, nonce: str) -> str:
    key: str = settings.REFRESH_SECRET
    seal = hmac.new(key.encode(), f"known device {user_id} {nonce}".encode(), hashlib.sha256)
    return f"{user_id}.{nonce}.{seal.hexdigest()}"
