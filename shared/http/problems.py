"""Problem documents (RFC 9457) for every way a request can fail, with the `errors` list that older clients read."""

import http
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import structlog
from django.core import exceptions as django_exceptions
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from shared import errors
from shared.http import renderers

CONTENT_TYPE = "application/problem+json"
Entries = list[dict[str, str]]

log = structlog.get_logger(__name__)


class NotUnderstood(exceptions.APIException):
    status_code = 400
    default_code = "invalid"


def document(status: int, entries: Entries, *, instance: str) -> dict[str, Any]:
    """The members of a problem document; `entries` has one {message, code, field?} for each failed rule."""
    return {
        "type": f"urn:admit-one:problem:{entries[0]['code']}",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": " ".join(entry["message"] for entry in entries),
        "instance": instance,
        "errors": entries,
    }


def response(
    status: int, entries: Entries, *, request: HttpRequest | Request, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A problem document as an answer, rendered here: it may come from where no renderer was chosen."""
    body = renderers.JSONRenderer().render(document(status, entries, instance=quote(request.path)))
    length = {"Content-Length": str(len(body))}
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers={**(headers or {}), **length})


def is_problem(answer: HttpResponseBase) -> bool:
    return answer.headers.get("Content-Type", "").startswith(CONTENT_TYPE)


def instead_of(answer: HttpResponseBase, *, request: HttpRequest) -> HttpResponse:
    """The same refusal as a problem document, with the headers that say how (`Allow`, `Retry-After`, …)."""
    status = http.HTTPStatus(answer.status_code)
    kept = {name: value for name, value in answer.headers.items() if not name.lower().startswith("content-")}
    return response(status, [_entry(f"{status.phrase}.", status.name.lower())], request=request, headers=kept)


def from_error(error: errors.DomainError, request: HttpRequest | Request) -> HttpResponse:
    """The answer to what the domain refused."""
    retry_after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return response(error.status, [_entry(error.message, error.code, error.field)], request=request, headers=headers)


def handle(exception: Exception, context: Mapping[str, Any]) -> HttpResponse | Response | None:
    """DRF's EXCEPTION_HANDLER. None, and so Django's own handling, for what nobody foresaw."""
    return answer_to(exception, context["request"])


def answer_to(exception: Exception, request: HttpRequest | Request) -> HttpResponse | None:
    """The answer to an exception, or None for one that is a defect of ours."""
    match exception:
        case errors.DomainError():
            return from_error(exception, request)
        case exceptions.APIException():
            return _from_api(exception, request)
        case Http404():
            return response(404, [_entry("Not found.", "not_found")], request=request)
        case django_exceptions.PermissionDenied():
            return response(403, [_entry("You are not allowed to do this.", "forbidden")], request=request)
        case django_exceptions.RequestDataTooBig():
            return response(413, [_entry("The body is too large.", "too_large")], request=request)
        case django_exceptions.SuspiciousOperation() | UnicodeError() | UnreadablePostError():
            return response(400, [_entry("The request is malformed.", "malformed")], request=request)
        case OperationalError() | InterfaceError():
            return unavailable(exception, request)
    return None


def unavailable(exception: DatabaseError, request: HttpRequest | Request) -> HttpResponse:
    """The database is away, or has ended a deadlock by refusing one side: nothing has happened, try again."""
    log.warning("database_unavailable", error=str(exception))
    return from_error(errors.Unavailable(), request)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if exception is not None and (answer := answer_to(exception, request)):
        return answer  # a middleware that reads the body finds it too large
    return response(400, [_entry("The request is malformed.", "malformed")], request=request)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return response(403, [_entry("You are not allowed to do this.", "forbidden")], request=request)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return response(404, [_entry("Not found.", "not_found")], request=request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while it handles the exception, also one of a middleware: then the database may be away."""
    exception = sys.exc_info()[1]
    if isinstance(exception, Exception) and (answer := answer_to(exception, request)):
        return answer
    return response(500, [_entry("Something went wrong on our side.", "internal_error")], request=request)


def _from_api(exception: exceptions.APIException, request: HttpRequest | Request) -> HttpResponse:
    headers = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    entries = list(_entries(exception.get_full_details()))
    return response(exception.status_code, entries or [_entry("Refused.", "refused")], request=request, headers=headers)


def _entries(details: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested details: one entry for each failed rule, `field` as the client wrote it."""
    if isinstance(details, list):
        for index, detail in enumerate(details):
            nested = isinstance(detail, dict) and "message" not in detail
            yield from _entries(detail, f"{field}.{index}" if nested and field else field)
    elif isinstance(details, dict) and not isinstance(details.get("message"), str):
        for name, detail in details.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _entries(detail, ".".join(filter(None, (field, own))))
    elif isinstance(details, dict):
        yield _entry(details["message"], details["code"], field or None)


def _entry(message: str, code: str, field: str | None = None) -> dict[str, str]:
    return {"message": str(message), "code": str(code)} | ({"field": field} if field else {})
