"""How DRF learns who is asking: it reads what the middleware found."""

from typing import Any

from rest_framework import authentication
from rest_framework.request import Request

from shared.identity import tokens


class IdentityAuthentication(authentication.BaseAuthentication):
    """`request.auth` is the tokens.Identity, or None for an anonymous request; `request.user` stays lazy."""

    def authenticate(self, request: Request) -> tuple[Any, tokens.Identity] | None:
        identity: tokens.Identity | None = getattr(request._request, "identity", None)
        return None if identity is None else (request._request.user, identity)

    def authenticate_header(self, request: Request) -> str:
        return tokens.CHALLENGE
