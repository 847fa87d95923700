"""What makes an access token believable.

The profile is RFC 9068 (`typ: at+jwt`) on RFC 7519 and RFC 7515, narrowed to what auth issues: the compact form, ES256,
and no header but `alg`, `kid` and `typ`. Everything is refused that we never write ourselves.

An assertion is auth's word to one service about one request (see `strategies.gateway`): the same form, another `typ`,
that service as its audience, and half a minute to live. Neither is ever taken for the other.
"""

import base64
import binascii
import dataclasses
import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from joserfc import errors, jwk, jws

ALGORITHM = "ES256"
TYPE, ASSERTION_TYPE = "at+jwt", "assertion+jwt"
LEEWAY = dt.timedelta(seconds=30)
ASSERTION_LIFE = dt.timedelta(seconds=30)
MAX_BYTES = 4096
CHALLENGE = 'Bearer realm="admit-one"'  # of a 401 (RFC 6750 §3)

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class InvalidToken(Exception):
    """This string does not prove who is asking. The reason is for our log, never for the one who sent it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is asking, as a token proved it. Times are aware; `roles` are those at the time of issue."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    email: str | None
    roles: tuple[str, ...]
    issued_at: dt.datetime
    expires_at: dt.datetime
    token_id: str


def life() -> dt.timedelta:
    """How long an access token lives at most, and so how long a revocation has to be remembered."""
    return dt.timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What tells one kind of token from another."""

    type: str
    audience: str
    life: dt.timedelta


def access() -> Profile:
    """What an access token looks like, which is for all services."""
    return Profile(type=TYPE, audience=settings.TOKEN_AUDIENCE, life=life())


def assertion(service: str) -> Profile:
    """What an assertion looks like that is for `service`."""
    return Profile(type=ASSERTION_TYPE, audience=service, life=ASSERTION_LIFE)


def verify(token: str, keys: Mapping[str, jwk.ECKey], *, now: dt.datetime, profile: Profile | None = None) -> Identity:
    """Read a token in compact form, whose `kid` must be one of `keys`; an access token, unless `profile` is given.

    The issuer is that of the settings. Raises InvalidToken and nothing else, whatever the bytes.
    """
    profile = profile or access()
    key = keys.get(_kid(token, profile.type))
    if key is None:
        raise InvalidToken("unknown kid")
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
    except (errors.JoseError, ValueError) as error:
        raise InvalidToken("bad signature") from error
    return identity_of(_object(signed.payload or b""), now=now, profile=profile)


def demand_form(token: str) -> None:
    """Raises InvalidToken for what does not even look like a token."""
    if len(token) > MAX_BYTES or not _COMPACT.fullmatch(token):
        raise InvalidToken("not a compact JWS of a decent size")


def _kid(token: str, type_: str) -> str:
    """The key that the header names, if it is a header of ours."""
    demand_form(token)
    for part in token.split("."):
        _canonical(part)
    header = _object(_canonical(token.partition(".")[0]))
    if header.keys() != {"alg", "kid", "typ"} or header["alg"] != ALGORITHM or header["typ"] != type_:
        raise InvalidToken("not a header of ours")
    kid = header["kid"]
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidToken("malformed kid")
    return kid


def _canonical(part: str) -> bytes:
    """Decode base64url; spare bits that are set would give one token several spellings."""
    try:
        content = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise InvalidToken("not base64url") from error
    if base64.urlsafe_b64encode(content).rstrip(b"=").decode() != part:
        raise InvalidToken("not canonical base64url")
    return content


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidToken("not a JSON object") from error
    if not isinstance(value, dict):
        raise InvalidToken("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def identity_of(claims: Mapping[str, Any], *, now: dt.datetime, profile: Profile) -> Identity:
    """Who is meant by the claims of a token, whose origin is proven. Raises InvalidToken where they do not hold."""
    if claims.get("iss") != settings.TOKEN_ISSUER or claims.get("aud") != profile.audience:
        raise InvalidToken("from elsewhere or for somebody else")
    issued_at, expires_at = _moment(claims.get("iat")), _moment(claims.get("exp"))
    if expires_at - issued_at > profile.life:
        raise InvalidToken("longer-lived than any of ours")
    if issued_at > now + LEEWAY or _moment(claims.get("nbf", 0)) > now + LEEWAY:
        raise InvalidToken("not valid yet")
    if expires_at + LEEWAY <= now:
        raise InvalidToken("expired")
    return Identity(
        user_id=_uuid(claims.get("sub")),
        session_id=_uuid(claims.get("sid")),
        email=_optional_text(claims.get("email")),
        roles=_texts(claims.get("roles")),
        issued_at=issued_at,
        expires_at=expires_at,
        token_id=_text(claims.get("jti")),
    )


def _moment(value: object) -> dt.datetime:
    """A NumericDate, which may have a fraction (RFC 7519 §2)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidToken("a time is no number")
    try:
        return dt.datetime.fromtimestamp(value, dt.UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidToken("a time is out of range") from error


def _uuid(value: object) -> uuid.UUID:
    text = _text(value)
    try:
        found = uuid.UUID(text)
    except ValueError as error:
        raise InvalidToken("malformed id") from error
    if str(found) != text:
        raise InvalidToken("malformed id")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidToken("a claim is no text")
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidToken("roles are no list")
    return tuple(_text(item) for item in value)
