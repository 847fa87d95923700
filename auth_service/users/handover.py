"""Handing a session over to the browser of whoever it was granted to."""

from typing import TypeVar

from django.conf import settings
from django.http import HttpResponseBase

from auth_service.users import commands, known_devices
from shared.identity import cookies, tokens

Answer = TypeVar("Answer", bound=HttpResponseBase)


def keep(response: Answer, granted: commands.Granted) -> Answer:
    """Hand over the session that was granted."""
    lives = {"access_life": tokens.life(), "refresh_life": settings.REFRESH_TOKEN_LIFE}
    cookies.keep(response, access=granted.access, refresh=granted.refresh, **lives)
    return response


def welcome(response: Answer, granted: commands.Granted) -> Answer:
    """Hand over the session of somebody who has just proved who he is, and know this browser again."""
    known_devices.remember(response, user_id=granted.user.pk, password=granted.user.password)
    return keep(response, granted)
