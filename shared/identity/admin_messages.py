"""The admin's messages, in a cookie that only its own service's admin gets back."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage import cookie
from django.http import HttpResponseBase


class CookieStorage(cookie.CookieStorage):
    """Django's storage sets its cookie for the whole origin, where all the admins would read each other's."""

    def _update_cookie(self, encoded_data: str | None, response: HttpResponseBase) -> None:
        path = settings.CSRF_COOKIE_PATH
        if not encoded_data:
            response.delete_cookie(self.cookie_name, path=path, samesite="Lax")
            return
        kind: dict[str, Any] = {"secure": settings.CSRF_COOKIE_SECURE, "httponly": True, "samesite": "Lax"}
        response.set_cookie(self.cookie_name, encoded_data, path=path, **kind)
