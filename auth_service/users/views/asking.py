"""What the views read of a request."""

from typing import Any

from rest_framework.request import Request

from shared.identity import tokens


def staff(request: Request) -> Any:
    """The user who is asking, where a permission has let nobody in but staff."""
    return request.user


def agent(request: Request) -> str:
    """What the browser calls itself."""
    return str(request.headers.get("User-Agent", ""))


def identity(request: Request) -> tokens.Identity | None:
    """Who is asking, where anyone may."""
    return request.auth  # type: ignore[return-value]
