"""Views as a service writes them, and some that fail in every way a view can."""

import pathlib
import threading

from django.core import exceptions as django_exceptions
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from shared import clock, errors, money
from shared.http import etags, fields, idempotency, pagination, paths
from shared.identity import permissions
from shared.testing import waiting
from tests.shared.http.playhouse import models

SORTS = {
    "newest": ("-created_at", "-id"),
    "cheapest": ("amount_minor", "id"),
    "soonest": ("starts_at", "id"),
    "latest": ("-starts_at", "-id"),
}


class TheatreClosed(errors.Conflict):
    code = "theatre_closed"
    detail = "The theatre is closed."


class Unpaid(errors.Declined):
    detail = "The players want their money."


class Rotten(errors.Forbidden):
    detail = "Something is rotten."


class Seat(serializers.Serializer):
    row = serializers.CharField(max_length=2)


class NewPlay(fields.PricedSerializer):
    title = fields.TextField(max_length=20)
    price = fields.PriceField()
    currency = fields.CurrencyField(required=False)
    startsAt = fields.MomentField(source="starts_at", required=False, allow_null=True)
    seats = Seat(many=True, required=False)
    troupeId = fields.IdField(required=False)

    def validate(self, attrs):
        for name in ("seats", "troupeId"):
            attrs.pop(name, None)
        return super().validate(attrs)


def shown(play):
    price = money.from_minor(play.amount_minor, play.currency)
    return {"id": play.id, "title": play.title, "price": price, "currency": play.currency, "startsAt": play.starts_at}


class Script:
    """What the action of the next request does before and after its effect; a test may write it."""

    def before(self):
        """Nothing, unless a test says otherwise."""

    def after(self):
        """Nothing, unless a test says otherwise."""


script = Script()


def stage(request):
    wanted = NewPlay(data=request.data)
    wanted.is_valid(raise_exception=True)

    def action():
        script.before()
        play = models.Play.objects.create(created_at=clock.now(), **wanted.validated_data)
        script.after()
        answer = etags.answer(request, shown(play), version=play.version, status=201)
        answer["Location"] = f"/api/plays/{play.id}"
        return answer

    return action


class Plays(APIView):
    def get(self, request):
        order = SORTS[request.query_params.get("sort", "newest")]
        scope = str(request.auth.user_id)
        return pagination.page(request, models.Play.objects.all(), order=order, show=shown, scope=scope)

    def post(self, request):
        return idempotency.once(request, stage(request))


class Journey(APIView):
    """An effect that commits on its way."""

    def post(self, request):
        return idempotency.across(request, stage(request))


class Play(APIView):
    permission_classes = (permissions.Anyone,)

    def get(self, request, play_id):
        play = self.find(play_id)
        return etags.answer(request, shown(play), version=play.version)

    def put(self, request, play_id):
        demand = etags.precondition(request)
        play = self.find(play_id)
        demand(play.version)
        models.Play.objects.filter(pk=play.pk).update(version=play.version + 1)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def find(self, play_id):
        play = models.Play.objects.filter(pk=paths.read_id(play_id)).first()
        if play is None:
            raise errors.NotFound
        return play


class StageOnly(APIView):
    permission_classes = (permissions.HasRole("admin"),)

    def get(self, request):
        return Response({})


def deadlock():
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$")


def throw(error):
    def thrower():
        raise error

    return thrower


FAILURES = {
    "invalid": throw(errors.Invalid("Too long.", field="startsAt")),
    "unauthenticated": throw(errors.Unauthenticated()),
    "declined": throw(Unpaid()),
    "forbidden": throw(Rotten()),
    "not_found": throw(errors.NotFound()),
    "conflict": throw(TheatreClosed()),
    "too_many": throw(errors.TooMany(retry_after=7)),
    "unavailable": throw(errors.Unavailable(retry_after=3)),
    "http404": throw(Http404("secret words")),
    "permission": throw(django_exceptions.PermissionDenied("secret words")),
    "suspicious": throw(django_exceptions.SuspiciousOperation("secret words")),
    "too_big": throw(django_exceptions.RequestDataTooBig("secret words")),
    "unicode": throw(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "secret words")),
    "operational": throw(OperationalError("secret words")),
    "interface": throw(InterfaceError("secret words")),
    "deadlock": deadlock,
    "throttled": throw(exceptions.Throttled(wait=4.2)),
    "bug": throw(ZeroDivisionError("secret words")),
}


class Failing(APIView):
    permission_classes = (permissions.Anyone,)

    def get(self, request, kind):
        return FAILURES[kind]()


def failing_page(request, kind):
    return FAILURES[kind]()


@require_POST
def only_post(request):
    return HttpResponse("posted")


def page(request):
    return HttpResponse("<h1>Elsinore</h1>", headers={"Server": "Yorick/1.0"})


def action(request):
    return HttpResponse("done", content_type="text/plain")


class Gate:
    """Holds whoever comes until it is opened; says when somebody has come."""

    def __init__(self):
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self):
        self.reached.set()
        assert self.opened.wait(20), "nobody opened the gate"


def hold(request):
    """Says by one file that it was reached and waits for another; for a server in a process of its own."""
    folder = pathlib.Path(request.GET["folder"])
    (folder / "reached").touch()
    waiting.until((folder / "opened").exists, seconds=20, what="leave to go on")
    return HttpResponse("done")
