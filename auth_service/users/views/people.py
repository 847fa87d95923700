"""Who of the staff asks auth about people, bans them and gives them roles."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import commands, queries, serializers
from auth_service.users.views import asking
from shared import clock
from shared.http import etags, pagination, paths
from shared.identity import models, permissions

ID = OpenApiParameter("user_id", uuid.UUID, OpenApiParameter.PATH)
NEWEST_FIRST = ("-created_at", "-id")
# Instances, where DRF's stubs foresee classes.
Staff: Any = permissions.HasRole(*models.STAFF_ROLES)
Moderators: Any = permissions.HasRole(models.ADMIN, models.MODERATOR)
Admins: Any = permissions.HasRole(models.ADMIN)


class People(views.APIView):
    permission_classes = (Staff,)

    @extend_schema(
        operation_id="listPeople",
        responses=serializers.Person(many=True),
        parameters=[*serializers.PARAMETERS, *pagination.PARAMETERS],
    )
    def get(self, request: Request) -> Response:
        """Who has, or had, an account, the newest first."""
        found = serializers.Search.read(request, queries.people())
        return pagination.page(request, found, order=NEWEST_FIRST, show=_shown)


class Person(views.APIView):
    permission_classes = (Staff,)

    @extend_schema(operation_id="getPerson", parameters=[ID], responses=serializers.Person)
    def get(self, request: Request, user_id: str) -> Response:
        """One of them."""
        return _answer(request, queries.person(paths.read_id(user_id)))


class Ban(views.APIView):
    permission_classes = (Moderators,)

    @extend_schema(operation_id="banPerson", parameters=[ID], request=serializers.Ban, responses={204: None})
    def post(self, request: Request, user_id: str) -> Response:
        """Refuse somebody everywhere, within a second."""
        ban = serializers.Ban(data=request.data)
        ban.is_valid(raise_exception=True)
        by = asking.staff(request)
        commands.ban_user(user_id=paths.read_id(user_id), by=by, now=clock.now(), **ban.validated_data)
        return Response(status=204)

    @extend_schema(operation_id="reinstatePerson", parameters=[ID], responses={204: None})
    def delete(self, request: Request, user_id: str) -> Response:
        """Let somebody who was banned sign in again."""
        by, precondition = asking.staff(request), etags.precondition(request)
        commands.reinstate_user(user_id=paths.read_id(user_id), by=by, precondition=precondition)
        return Response(status=204)


class Roles(views.APIView):
    permission_classes = (Admins,)

    @extend_schema(operation_id="setRoles", parameters=[ID], request=serializers.Roles, responses=serializers.Person)
    def put(self, request: Request, user_id: str) -> Response:
        """Give somebody exactly these roles."""
        wanted = serializers.Roles(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = commands.set_roles(
            user_id=paths.read_id(user_id),
            by=asking.staff(request),
            precondition=etags.precondition(request),
            **wanted.validated_data,
        )
        return _answer(request, user)


def _answer(request: Request, user: Any) -> Response:
    return etags.answer(request, _shown(user), version=user.version)


def _shown(user: Any) -> object:
    return serializers.Person(user).data
