"""Where a request comes from."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def of(request: HttpRequest | Request) -> str:
    """The client's address: the peer, or what the nearest trusted proxy (TRUSTED_PROXIES) says of its own peer."""
    address: str = request.META.get("REMOTE_ADDR", "")
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    while address in settings.TRUSTED_PROXIES and forwarded:
        address = forwarded.pop()
    return address
