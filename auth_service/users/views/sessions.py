"""Who asks auth to sign in and out, and to stay signed in."""

import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import commands, handover, queries, serializers, throttling
from auth_service.users.views import asking
from shared import clock
from shared.http import pagination, paths
from shared.identity import admin_site, authentication, cookies, permissions

NEXT = OpenApiParameter("next", str, required=True, description="a path of this origin, to go on to")
AFTERWARDS = OpenApiParameter("next", str, description="as of `resume`, for the form of a page: 303")
ID = OpenApiParameter("session_id", uuid.UUID, OpenApiParameter.PATH)
DONE = {204: OpenApiResponse(description="Done.")}
NEWEST_FIRST = ("-created_at", "-id")


class SignIn(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(request=serializers.Credentials, responses={200: serializers.Account})
    def post(self, request: Request) -> Response:
        """Start a session."""
        now = clock.now()
        credentials = serializers.Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        with throttling.sign_in(request, email=credentials.validated_data["email"], now=now):
            granted = commands.sign_in(**credentials.validated_data, agent=asking.agent(request), now=now)
        return handover.welcome(Response(serializers.Account(granted.user).data), granted)


class SignOut(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(parameters=[AFTERWARDS], request=None, responses={200: {"type": "object"}, 303: None})
    def post(self, request: Request) -> HttpResponse:
        """End this session, everywhere. The form of a page says where to go on to."""
        wanted, identity = request.query_params.get("next"), asking.identity(request)
        response = Response({}) if wanted is None else admin_site.SeeOther(paths.read_local(wanted, field="next"))
        session_id = identity.session_id if identity else None
        commands.sign_out(session_id=session_id, refresh_token=cookies.refresh_token(request), now=clock.now())
        cookies.clear(response)
        return response


class Sessions(views.APIView):
    @extend_schema(
        operation_id="listSessions", responses=serializers.Session(many=True), parameters=pagination.PARAMETERS
    )
    def get(self, request: Request) -> Response:
        """The browsers in which one is signed in, the newest first."""
        caller = authentication.caller(request)
        found = queries.sessions(user_id=caller.user_id, now=clock.now())

        def show(session: Any) -> Any:
            return serializers.Session(session, context={"current": caller.session_id}).data

        return pagination.page(request, found, order=NEWEST_FIRST, show=show, scope=str(caller.user_id))

    @extend_schema(operation_id="endSessions", responses=DONE)
    def delete(self, request: Request) -> Response:
        """Sign out everywhere, here too."""
        commands.end_sessions(user_id=authentication.caller(request).user_id, now=clock.now())
        return _signed_out()


class Session(views.APIView):
    @extend_schema(operation_id="endSession", parameters=[ID], responses=DONE)
    def delete(self, request: Request, session_id: str) -> Response:
        """End one session, everywhere."""
        caller, ended = authentication.caller(request), paths.read_id(session_id)
        commands.end_session(user_id=caller.user_id, session_id=ended, now=clock.now())
        return _signed_out() if ended == caller.session_id else Response(status=204)


class CurrentUser(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(responses={200: serializers.Currently})
    def get(self, request: Request) -> Response:
        """Who is signed in; null for nobody."""
        identity = asking.identity(request)
        user = queries.account(identity.user_id) if identity else None
        return Response(serializers.Currently({"currentUser": user}).data)


class Refresh(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(request=serializers.Refresh, responses={200: serializers.Account})
    def post(self, request: Request) -> Response:
        """Renew a session by its refresh token, from the cookie or the body."""
        body = serializers.Refresh(data=request.data)
        body.is_valid(raise_exception=True)
        token = body.validated_data.get("refresh") or cookies.refresh_token(request) or ""
        granted = commands.refresh_session(refresh_token=token, agent=asking.agent(request), now=clock.now())
        return handover.keep(Response(serializers.Account(granted.user).data), granted)


class Resume(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(parameters=[NEXT], responses={303: None})
    def get(self, request: Request) -> HttpResponse:
        """Renew a session on the way to a page, or lead to the sign-in page where there is none."""
        wanted, token = paths.read_local(request.query_params.get("next"), field="next"), cookies.refresh_token(request)
        granted = commands.resume_session(refresh_token=token or "", agent=asking.agent(request), now=clock.now())
        response = admin_site.SeeOther(wanted if granted else admin_site.sign_in_address(wanted))
        if granted:
            handover.keep(response, granted)
        else:
            cookies.clear(response)
        cookies.keep_resumed(response)
        return response


def _signed_out() -> Response:
    response = Response(status=204)
    cookies.clear(response)
    return response
