"""Who asks auth to take another password, or to believe an address."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from auth_service.users import commands, serializers, throttling
from shared import clock
from shared.identity import authentication, permissions

DONE = {204: OpenApiResponse(description="Done.")}
ASKED = {202: {"type": "object"}}


class Password(views.APIView):
    @extend_schema(operation_id="changePassword", request=serializers.PasswordChange, responses=DONE)
    def post(self, request: Request) -> Response:
        """Change the password. All other sessions end."""
        caller, now = authentication.caller(request), clock.now()
        wanted = serializers.PasswordChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        with throttling.sign_in(request, email=caller.email or "", now=now):
            commands.change_password(
                user_id=caller.user_id,
                session_id=caller.session_id,
                current_password=wanted.validated_data["currentPassword"],
                new_password=wanted.validated_data["newPassword"],
                now=now,
            )
        return Response(status=204)


class PasswordReset(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(operation_id="requestPasswordReset", request=serializers.Address, responses=ASKED)
    def post(self, request: Request) -> Response:
        """Have a link sent to an address, if it is somebody's; the answer is the same if not."""
        now = clock.now()
        address = serializers.Address(data=request.data)
        address.is_valid(raise_exception=True)
        throttling.mail(request, email=address.validated_data["email"], now=now)
        commands.request_password_reset(**address.validated_data, now=now)
        return Response({}, status=202)


class PasswordResetConfirmation(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(operation_id="resetPassword", request=serializers.NewPassword, responses=DONE)
    def post(self, request: Request) -> Response:
        """Choose a new password with the token of the link. Every session ends."""
        chosen = serializers.NewPassword(data=request.data)
        chosen.is_valid(raise_exception=True)
        commands.reset_password(**chosen.validated_data, now=clock.now())
        return Response(status=204)


class EmailVerification(views.APIView):
    @extend_schema(operation_id="requestEmailVerification", request=None, responses=ASKED)
    def post(self, request: Request) -> Response:
        """Have another link sent that proves the address; none is where it is proven."""
        caller, now = authentication.caller(request), clock.now()
        throttling.mail(request, email=caller.email or "", now=now)
        commands.request_email_verification(user_id=caller.user_id, now=now)
        return Response({}, status=202)


class EmailVerificationConfirmation(views.APIView):
    permission_classes = [permissions.Anyone]

    @extend_schema(operation_id="verifyEmail", request=serializers.Link, responses=DONE)
    def post(self, request: Request) -> Response:
        """Prove the address with the token of the link."""
        link = serializers.Link(data=request.data)
        link.is_valid(raise_exception=True)
        commands.verify_email(**link.validated_data, now=clock.now())
        return Response(status=204)
