"""Somebody who calls a service's API in a test, as a browserless client would."""

import functools
import json
import uuid
from typing import Any

from django.conf import settings
from django.test import Client
from django.test.client import ClientHandler

from shared import ids
from shared.contracts import users
from shared.identity import models
from shared.testing import deliveries, identity


class Caller:
    """A person with an access token of his own, or, without an issuer, nobody.

    `caller.post("/api/orders", {"ticketId": …}, idempotency_key="k")`: keywords are headers. What a view raises and
    nobody foresaw is answered (500), as it would be in production.
    """

    def __init__(self, issuer: identity.Issuer | None = None, *, user_id: uuid.UUID | None = None) -> None:
        self.id = user_id or ids.new()
        self.email = f"{self.id}@example.com"
        self.bearer = issuer.bearer(user_id=self.id) if issuer else {}
        self.client = Client(raise_request_exception=False)
        self.client.handler = _handler(tuple(settings.MIDDLEWARE), tuple(settings.WRITE_GUARDS))

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.client.get(path, query, headers=self._headers(headers))

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self._send("post", path, body, headers)

    def put(self, path: str, body: object = None, **headers: str) -> Any:
        return self._send("put", path, body, headers)

    def patch(self, path: str, body: object = None, **headers: str) -> Any:
        return self._send("patch", path, body, headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.client.delete(path, headers=self._headers(headers))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """A request of whatever method; a text as its body is what a form sends, which GET puts behind the path."""
        if method in ("GET", "HEAD"):
            asked = f"{path}?{body}" if isinstance(body, str) else path
            return getattr(self.client, method.lower())(asked, headers=self.bearer)
        kind = {"content_type": "application/x-www-form-urlencoded"} if isinstance(body, str) else {}
        return self._send(method.lower(), path, body, kind)

    def is_known(self, *, roles: tuple[str, ...] = ()) -> "Caller":
        """The service hears that this person has signed up."""
        self._hear(users.UserRegistered, active=True, version=0, roles=roles)
        return self

    def is_banned(self) -> None:
        """The service hears that this person is banned."""
        self._hear(users.UserBanned, active=False, version=1)

    def closes_the_account(self) -> None:
        """The service hears that this person has left."""
        self._hear(users.UserClosed, email=None, active=False, version=1)

    def _hear(self, event: type[users.UserEvent], **members: Any) -> None:
        usual = {"id": self.id, "email": self.email, "roles": (), "tokens_valid_after": models.ALWAYS}
        deliveries.hear(event(**{**usual, **members}))

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        content = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
        kind = headers.pop("content_type", "application/json")
        return getattr(self.client, method)(path, content, content_type=kind, headers=self._headers(headers))

    def _headers(self, extra: dict[str, str]) -> dict[str, str]:
        return self.bearer | {name.replace("_", "-"): value for name, value in extra.items()}


@functools.cache
def _handler(_middleware: tuple[str, ...], _guards: tuple[str, ...]) -> ClientHandler:
    """Loaded once for all callers, as a process of the service does: it looks through every static file."""
    handler = ClientHandler(enforce_csrf_checks=False)
    handler.load_middleware()  # now: several threads may be the first to need it
    return handler


def problem(answer: Any, status: int) -> list[dict[str, str]]:
    """The `errors` of an answer that has to be a whole problem document (RFC 9457) of that status."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert answer["Content-Type"] == "application/problem+json"
    return demand_problem(answer.json(), status)


def demand_problem(document: dict[str, Any], status: int) -> list[dict[str, str]]:
    """The `errors` of a problem document. Raises AssertionError for what is none, or has another status."""
    assert set(document) == {"type", "title", "status", "detail", "instance", "errors"}
    assert document["status"] == status
    assert document["errors"], document
    for error in document["errors"]:
        assert {"message", "code"} <= set(error) <= {"message", "code", "field"}, error
    errors: list[dict[str, str]] = document["errors"]
    return errors


def code(answer: Any, status: int) -> str:
    """The code of the one rule that has failed."""
    (error,) = problem(answer, status)
    return error["code"]


def blamed(answer: Any) -> set[str]:
    """The members of the request that a 400 blames."""
    return {error.get("field", "") for error in problem(answer, 400)}
