"""Somebody for each role of the access table, and one of each thing that the admin shows."""

import contextlib
import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model

from shared import clock, ids
from shared.http import models as http
from shared.identity import actions, copies
from shared.identity import models as identity
from shared.messaging import models as messaging
from shared.testing import access, callers
from shared.testing import identity as issuing

Maker = Callable[[], Model]


class Cast:
    """The people of one test, each of whom the service has heard of; `cast["buyer"]` is a caller."""

    def __init__(self, issuer: issuing.Issuer) -> None:
        self._issuer = issuer
        self._ids = {role: ids.new() for role in access.ROLES}

    def __getitem__(self, role: str) -> callers.Caller:
        if role == "anonymous":
            return callers.Caller()
        if role == access.BANNED_BY_COOKIE:
            return self._with_cookie(self.id("banned"))
        caller = callers.Caller(self._issuer, user_id=self.id(role))
        caller.is_known(roles=(role,) if role in identity.STAFF_ROLES else ())
        if role == "banned":
            caller.is_banned()
        return caller

    def id(self, role: str) -> uuid.UUID:
        """Whose id things bear that are his."""
        return self._ids[role]

    def _with_cookie(self, user_id: uuid.UUID) -> callers.Caller:
        caller = callers.Caller()
        self._issuer.sign_in(caller.client, user_id=user_id)
        return caller


@contextlib.contextmanager
def of(issuer: issuing.Issuer) -> Iterator[Cast]:
    """A cast whose banned one is refused, as the service's verifier would from the moment it hears of the ban."""
    cast = Cast(issuer)
    copies.keep_keys({issuer.kid: issuer.public})  # what readiness asks for
    with issuing.held(issuer, banned=[cast.id("banned")]):
        yield cast


class Scene:
    """What a row of the table is about. A service's own says in `set` what there is, and in `own` makes its models."""

    own: Mapping[str, Maker] = {}

    def __init__(self, cast: Cast) -> None:
        self.cast = cast

    def set(self, row: access.Row, role: str) -> tuple[Mapping[str, object], object]:
        """Make what the row is about, afresh, in its state; the parameters of the route, and the body to send.

        `role` will ask, but for a row that is about whoever asks nothing depends on it.
        """
        raise NotImplementedError

    def demand(self, table: access.Table, row: access.Row) -> None:
        """Raises AssertionError where somebody gets another answer, or a refusal has an effect."""
        wrong = {}
        for role, status in row.answers().items():
            answer, said = self._ask(table, row, role)
            if answer.status_code != status or (status >= 400 and said):
                wrong[role] = f"{answer.status_code} instead of {status}, {said} events: {answer.content[:200]!r}"
        assert not wrong, f"{row}: {wrong}"

    def demand_refusal(self, table: access.Table, row: access.Row) -> None:
        """Raises AssertionError where somebody may do what no row tells of."""
        roles = (*access.ROLES, access.BANNED_BY_COOKIE)
        answers = {role: self._ask(table, row, role)[0].status_code for role in roles}
        assert access.REFUSED.issuperset(answers.values()), f"{row}: {answers}"

    def _ask(self, table: access.Table, row: access.Row, role: str) -> tuple[Any, int]:
        """The answer, and how many events were said meanwhile. A GET is asked again as a HEAD, and has to be alike."""
        ids, body = self.set(row, role)
        common = {"app_label": "messaging", "url": "nowhere/", "object_id": self._shown(row)}
        path, caller = table.path(row.route, **{**common, **ids}), self.cast[role]
        before = messaging.OutboxEvent.objects.count()
        answer = caller.ask(row.method, path, body)
        if row.method == "GET":
            assert caller.ask("HEAD", path, body).status_code == answer.status_code, f"HEAD {path} by {role}"
        return answer, messaging.OutboxEvent.objects.count() - before

    def _shown(self, row: access.Row) -> object:
        """The key of one of what a page of the admin is about. Raises KeyError for a model that nobody makes."""
        words = row.route.split("/")
        if words[0] != "admin" or "<path:object_id>" not in words:
            return None
        return {**_SHARED, **self.own}[f"{words[2]}.{words[3]}"]().pk


def _user() -> Any:
    return get_user_model()._default_manager.create(email="yorick@elsinore.dk")


def _revoked_session() -> Model:
    soon = clock.now() + dt.timedelta(minutes=5)
    return identity.RevokedSession.objects.create(id=ids.new(), user_id=ids.new(), expires_at=soon)


def _parked() -> Model:
    told: dict[str, Any] = {"consumer": "x", "event_id": ids.new(), "type": "x.y", "body": b"{}", "error": "ValueError"}
    return messaging.ParkedMessage.objects.create(**told)


def _heard() -> Model:
    place = {"source": "/x", "epoch": 1, "position": 1}
    return messaging.InboxEvent.objects.create(consumer="x", event_id=ids.new(), type="x.y", outcome="applied", **place)


def _deed() -> Model:
    with transaction.atomic():
        return actions.record(by=_user(), target=_parked(), what="looked at")


_SHARED: Mapping[str, Maker] = {
    "admin.logentry": _deed,
    "http.idempotentanswer": lambda: http.IdempotentAnswer.objects.create(user_id=ids.new(), created_at=clock.now()),
    "identity.user": _user,
    "identity.revokedsession": _revoked_session,
    "identity.publickey": lambda: identity.PublicKey.objects.create(kid=ids.new().hex),
    "messaging.parkedmessage": _parked,
    "messaging.inboxevent": _heard,
    "messaging.outboxevent": lambda: messaging.OutboxEvent.objects.create(type="x.y", subject="x", data={}),
}
