"""What the views read of a request, and how they hand over a session."""

from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework.request import Request

from auth_service.users import commands, known_devices
from shared.identity import cookies, tokens

Answer = TypeVar("Answer", bound=HttpResponseBase)


def staff(request: Request) -> Any:
    """The user who is asking, where a permission has let nobody in but staff."""
    return request.user


def keep(response: Answer, granted: commands.Granted) -> Answer:
    """Hand the session that was granted to the browser."""
    lives = {"access_life": tokens.life(), "refresh_life": settings.REFRESH_TOKEN_LIFE}
    cookies.keep(response, access=granted.access, refresh=granted.refresh, **lives)
    return response


def welcome(response: Answer, granted: commands.Granted) -> Answer:
    """Hand over the session of somebody who has just proved who he is, and know this browser again."""
    known_devices.remember(response, user_id=granted.user.pk, password=granted.user.password)
    return keep(response, granted)


def agent(request: Request) -> str:
    """What the browser calls itself."""
    return str(request.headers.get("User-Agent", ""))


def identity(request: Request) -> tokens.Identity | None:
    """Who is asking, where anyone may."""
    return request.auth  # type: ignore[return-value]
