"""The one place where a request becomes somebody."""

import functools
import logging

from django.contrib.auth import get_user_model, middleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from shared import errors
from shared.http import paths, problems
from shared.identity import models, tokens
from shared.identity.strategies import choice

logger = logging.getLogger(__name__)


class InvalidBearer(errors.Unauthenticated):
    code = "invalid_token"
    detail = "The access token is invalid, expired or revoked."


class IdentityMiddleware(middleware.AuthenticationMiddleware):
    """Sets `request.identity` (a tokens.Identity or None) and, lazily, `request.user`.

    `Authorization`, where present, counts alone. An invalid bearer is refused here, whatever was asked for; an
    invalid cookie leaves the request anonymous, and the view's permission decides what that is worth. Credentials
    that cannot be judged (no keys yet, state unreadable) are a 503, never a 401.

    A subclass of Django's middleware because the admin's system check looks for it; nothing of it is left.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]
        request.identity = None  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(functools.partial(user_of, request))  # type: ignore[assignment]
        if paths.is_probe(request.path):  # whose credentials are none of ours
            return None
        try:
            request.identity = choice.identify(request)  # type: ignore[attr-defined]
        except tokens.InvalidToken as error:
            logger.info("bearer refused: %s", error)
            response = problems.from_error(InvalidBearer(), request)
            response["WWW-Authenticate"] = f'{tokens.CHALLENGE}, error="invalid_token"'
            return response
        except errors.Unavailable as error:
            return problems.from_error(error, request)
        return None


def user_of(request: HttpRequest) -> models.Account | AnonymousUser:
    """The user in this service's database; anonymous where nobody is asking or the copy has not come yet."""
    identity: tokens.Identity | None = request.identity  # type: ignore[attr-defined]
    if identity is None:
        return AnonymousUser()
    found: models.Account | None = get_user_model()._default_manager.filter(pk=identity.user_id).first()
    return found or AnonymousUser()
