"""Browsers in which somebody has signed in before, by a cookie (OWASP's "device cookies").

Their guesses at that account count for themselves: a stranger who fills the account's bucket does not keep its owner
out. The cookie proves nothing else, outlives the session, is made anew by every sign-in, and ends with the password.
"""

import datetime as dt
import secrets
import uuid

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from shared.identity import cookies

LIFE = dt.timedelta(days=180)


def cookie_name() -> str:
    return "__Host-known_device" if cookies.is_secure() else "known_device"


def remember(response: HttpResponseBase, *, user_id: uuid.UUID, password: str) -> None:
    """Make the browser one in which this user has signed in, for as long as `password`, its hash, is his."""
    value = _signer(password).sign(f"{user_id}.{secrets.token_urlsafe(16)}")
    cookies.put(response, cookie_name(), value, path="/", life=LIFE)


def is_shown(request: HttpRequest) -> bool:
    """Whether the browser claims to be one."""
    return cookie_name() in request.COOKIES


def name_of(request: HttpRequest, *, user_id: uuid.UUID, password: str) -> str | None:
    """The browser's own name, if that user has signed in in it with that password; `password` is its hash."""
    try:
        signed = _signer(password).unsign(request.COOKIES.get(cookie_name(), "")[:300], max_age=LIFE)
    except signing.BadSignature:
        return None
    user, _, name = signed.partition(".")
    return name if user == str(user_id) else None


def _signer(password: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(key=settings.REFRESH_SECRET, salt=f"known device {password}")
