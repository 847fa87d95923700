"""Who asks auth to sign in and out, and to stay signed in."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import commands, queries, serializers, throttling
from auth_service.users.views import asking
from shared import clock
from shared.http import paths
from shared.identity import admin_site, cookies, permissions

NEXT = OpenApiParameter("next", str, required=True, description="a path of this origin, to go on to")


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
        return asking.welcome(Response(serializers.Account(granted.user).data), granted)


class SignOut(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(request=None, responses={200: {"type": "object"}})
    def post(self, request: Request) -> Response:
        """End this session, everywhere."""
        identity = asking.identity(request)
        session_id = identity.session_id if identity else None
        commands.sign_out(session_id=session_id, refresh_token=cookies.refresh_token(request), now=clock.now())
        response = Response({})
        cookies.clear(response)
        return response


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
        return asking.keep(Response(serializers.Account(granted.user).data), granted)


class Resume(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(parameters=[NEXT], responses={303: None})
    def get(self, request: Request) -> HttpResponse:
        """Renew a session on the way to a page, or lead to the sign-in page where there is none."""
        wanted, token = paths.read_local(request.query_params.get("next"), field="next"), cookies.refresh_token(request)
        granted = commands.resume_session(refresh_token=token or "", agent=asking.agent(request), now=clock.now())
        response = admin_site.SeeOther(wanted if granted else admin_site.sign_in_address(wanted))
        if granted:
            asking.keep(response, granted)
        else:
            cookies.clear(response)
        cookies.keep_resumed(response)
        return response
