"""What services and the gateway ask auth about credentials. The gateway routes nothing of it to the world."""

import base64
import binascii
import logging

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.utils import extend_schema
from rest_framework import authentication, exceptions, parsers, views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import queries, serializers
from auth_service.users.views import asking
from shared import clock, errors
from shared.http import parsers as strict
from shared.identity import permissions
from shared.identity.strategies import gateway
from shared.messaging import topology

logger = logging.getLogger(__name__)


class ServiceAuthentication(authentication.BaseAuthentication):
    """HTTP Basic (RFC 7617) with a service's name and one of its secrets; `request.auth` is the name."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, str] | None:
        service, secret = _basic(request.headers.get("Authorization", ""))
        if not service:
            return None
        if not queries.is_service(service=service, secret=secret):
            logger.warning("somebody who is not %s asked about a token", service)
            raise exceptions.AuthenticationFailed
        return AnonymousUser(), service

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="admit-one services"'


class Introspect(views.APIView):
    authentication_classes = [ServiceAuthentication]
    permission_classes = [permissions.IsUser]
    throttle_classes = []
    parser_classes = [strict.StrictJSONParser, parsers.FormParser]  # RFC 7662 sends a form

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        """Whether an access token counts, and whose it is (RFC 7662)."""
        asked = serializers.AskedToken(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(queries.introspection(**asked.validated_data))


class Assertion(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(exclude=True)
    def get(self, request: Request, service: str) -> Response:
        """In a header, auth's word to `service` on who is asking; none for nobody."""
        if service not in topology.SERVICES:
            raise errors.NotFound
        response = Response(status=204)
        assertion = queries.assertion(asking.identity(request), service=service, now=clock.now())
        if assertion is not None:
            response[gateway.HEADER] = assertion
        return response


def _basic(authorization: str) -> tuple[str, str]:
    """Name and secret; empty where there are none that can be read."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return ("", "") if "\0" in name + secret else (name, secret)
