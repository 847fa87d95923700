"""What a service needs to check tokens."""

from drf_spectacular.utils import extend_schema
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import queries
from shared.identity import permissions


class KeySet(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        """The public keys that access tokens are signed with (RFC 7517)."""
        return Response(queries.key_set())
