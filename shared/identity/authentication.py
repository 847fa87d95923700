"""How DRF learns who is asking: it reads what the middleware found."""

from typing import Any

from rest_framework import authentication, exceptions
from rest_framework.request import Request

from shared.identity import tokens


class IdentityAuthentication(authentication.BaseAuthentication):
    """`request.auth` is the tokens.Identity, or None for an anonymous request; `request.user` stays lazy."""

    def authenticate(self, request: Request) -> tuple[Any, tokens.Identity] | None:
        identity: tokens.Identity | None = getattr(request._request, "identity", None)
        return None if identity is None else (request._request.user, identity)

    def authenticate_header(self, request: Request) -> str:
        return tokens.CHALLENGE


def caller(request: Request) -> tokens.Identity:
    """Who is asking, in a view whose permission demands somebody. Raises NotAuthenticated where nobody is."""
    if request.auth is None:
        raise exceptions.NotAuthenticated
    identity: tokens.Identity = request.auth  # type: ignore[assignment] # DRF's stubs know its own tokens only
    return identity
