"""Who asks about tickets: sellers who offer, edit and withdraw; anybody who looks."""

import uuid
from typing import Any

from django.views import View
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from shared import clock, money
from shared.http import etags, idempotency, pagination, paths
from shared.identity import authentication, permissions
from tickets_service.tickets import commands, queries, serializers

ID = OpenApiParameter("ticket_id", uuid.UUID, OpenApiParameter.PATH)


class ReadableByAnyone(permissions.IsUser):
    def has_permission(self, request: Request, view: View) -> bool:
        return request.method in ("GET", "HEAD", "OPTIONS") or super().has_permission(request, view)


class Tickets(APIView):
    permission_classes = (ReadableByAnyone,)

    @extend_schema(
        operation_id="listTickets",
        responses=serializers.Ticket(many=True),
        parameters=[*serializers.PARAMETERS, *pagination.PARAMETERS],
    )
    def get(self, request: Request) -> Response:
        """What is on sale, the newest first."""
        visible = queries.tickets_for(**_viewer(request))
        found, order = serializers.Search.read(request, visible)
        return pagination.page(request, found, order=order, show=_shown)

    @extend_schema(operation_id="offerTicket", request=serializers.Offer, responses={201: serializers.Ticket})
    def post(self, request: Request) -> idempotency.Answer:
        """Offer one admission."""
        offer = serializers.Offer(data=request.data)
        offer.is_valid(raise_exception=True)

        def action() -> Response:
            ticket = commands.offer_ticket(
                user_id=authentication.caller(request).user_id, now=clock.now(), **offer.validated_data
            )
            answer = etags.answer(request, _shown(ticket), version=ticket.version, status=201)
            answer["Location"] = f"/api/tickets/{ticket.id}"
            return answer

        return idempotency.once(request, action)


class Ticket(APIView):
    permission_classes = (ReadableByAnyone,)

    @extend_schema(operation_id="getTicket", parameters=[ID], responses=serializers.Ticket)
    def get(self, request: Request, ticket_id: str) -> Response:
        """One ticket; a withdrawn one only for its seller and staff."""
        ticket = queries.get_ticket(ticket_id=paths.read_id(ticket_id), **_viewer(request))
        return etags.answer(request, _shown(ticket), version=ticket.version)

    @extend_schema(
        operation_id="replaceTicket", parameters=[ID], request=serializers.Offer, responses=serializers.Ticket
    )
    def put(self, request: Request, ticket_id: str) -> Response:
        """Describe a ticket anew: what is left out becomes empty."""
        return self._edit(request, paths.read_id(ticket_id), partial=False)

    @extend_schema(
        operation_id="editTicket",
        parameters=[ID],
        request=serializers.Offer(partial=True),
        responses=serializers.Ticket,
    )
    def patch(self, request: Request, ticket_id: str) -> Response:
        """Change some of what is said about a ticket."""
        return self._edit(request, paths.read_id(ticket_id), partial=True)

    @extend_schema(operation_id="withdrawTicket", parameters=[ID], responses={204: None})
    def delete(self, request: Request, ticket_id: str) -> Response:
        """Take a ticket off the market."""
        commands.withdraw_ticket(
            ticket_id=paths.read_id(ticket_id),
            user_id=authentication.caller(request).user_id,
            precondition=etags.precondition(request),
            now=clock.now(),
        )
        return Response(status=204)

    def _edit(self, request: Request, ticket_id: uuid.UUID, *, partial: bool) -> Response:
        context = {"currency": queries.currency_of(ticket_id) if partial else money.DEFAULT_CURRENCY}
        offer = serializers.Offer(data=request.data, partial=partial, context=context)
        offer.is_valid(raise_exception=True)
        ticket = commands.edit_ticket(
            ticket_id=ticket_id,
            user_id=authentication.caller(request).user_id,
            changes=offer.validated_data,
            precondition=etags.precondition(request),
            now=clock.now(),
        )
        return etags.answer(request, _shown(ticket), version=ticket.version)


def _viewer(request: Request) -> dict[str, Any]:
    viewer_id = authentication.caller(request).user_id if request.auth else None
    return {"viewer_id": viewer_id, "viewer_is_staff": permissions.is_staff(request)}


def _shown(ticket: Any) -> object:
    return serializers.Ticket(ticket).data
