"""Who asks auth: signing up, in and out, renewing, and what a service needs to check tokens."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import commands, queries, serializers, throttling
from shared import clock
from shared.identity import cookies, permissions, tokens


def keep(response: Response, granted: commands.Granted) -> Response:
    """Hand the session that was granted to the browser."""
    lives = {"access_life": tokens.life(), "refresh_life": settings.REFRESH_TOKEN_LIFE}
    cookies.keep(response, access=granted.access, refresh=granted.refresh, **lives)
    return response


class SignUp(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(request=serializers.NewAccount, responses={201: serializers.Account})
    def post(self, request: Request) -> Response:
        """Make an account and sign in."""
        now = clock.now()
        account = serializers.NewAccount(data=request.data)
        account.is_valid(raise_exception=True)
        throttling.sign_up(request, now=now)
        granted = commands.register_user(**account.validated_data, agent=_agent(request), now=now)
        return keep(Response(serializers.Account(granted.user).data, status=201), granted)


class SignIn(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(request=serializers.Credentials, responses={200: serializers.Account})
    def post(self, request: Request) -> Response:
        """Start a session."""
        now = clock.now()
        credentials = serializers.Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        with throttling.sign_in(request, email=credentials.validated_data["email"], now=now):
            granted = commands.sign_in(**credentials.validated_data, agent=_agent(request), now=now)
        return keep(Response(serializers.Account(granted.user).data), granted)


class SignOut(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(request=None, responses={200: {"type": "object"}})
    def post(self, request: Request) -> Response:
        """End this session, everywhere."""
        identity = _identity(request)
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
        identity = _identity(request)
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
        granted = commands.refresh_session(refresh_token=token, agent=_agent(request), now=clock.now())
        return keep(Response(serializers.Account(granted.user).data), granted)


class KeySet(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        """The public keys that access tokens are signed with (RFC 7517)."""
        return Response(queries.key_set())


def _agent(request: Request) -> str:
    return str(request.headers.get("User-Agent", ""))


def _identity(request: Request) -> tokens.Identity | None:
    return request.auth  # type: ignore[return-value]
