"""Who asks auth about an account."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import commands, handover, serializers, throttling
from auth_service.users.views import asking
from shared import clock
from shared.identity import authentication, cookies, permissions


class SignUp(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(request=serializers.NewAccount, responses={201: serializers.Account})
    def post(self, request: Request) -> Response:
        """Make an account and sign in."""
        now = clock.now()
        account = serializers.NewAccount(data=request.data)
        account.is_valid(raise_exception=True)
        throttling.sign_up(request, now=now)
        granted = commands.register_user(**account.validated_data, agent=asking.agent(request), now=now)
        return handover.welcome(Response(serializers.Account(granted.user).data, status=201), granted)


class Me(views.APIView):
    @extend_schema(operation_id="closeAccount", responses={204: OpenApiResponse(description="Closed.")})
    def delete(self, request: Request) -> Response:
        """Close the account, and forget who it was. The body is `{"password": …}`."""
        caller, now = authentication.caller(request), clock.now()
        closing = serializers.Closing(data=request.data)
        closing.is_valid(raise_exception=True)
        with throttling.sign_in(request, email=caller.email or "", now=now):
            commands.close_account(user_id=caller.user_id, **closing.validated_data, now=now)
        response = Response(status=204)
        cookies.clear(response)
        return response
