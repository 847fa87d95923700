"""Paths as the contract wants them: with and without the trailing slash, and ids that are either ids or nothing."""

import re
import uuid
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from shared import errors

# https://opentelemetry.io/docs/specs/semconv/http/http-spans/: the names of others are nobody's to choose.
METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_PROBE = re.compile(r"/(livez|readyz|metrics)/?")
# One leading slash, no second one, no backslash, no blank, no control character: no browser reads another origin in it.
_LOCAL = re.compile(r"/(?!/)[^\\\x00-\x20\x7f]*")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def is_probe(path: str) -> bool:
    """Whether it is the supervisor or Prometheus who asks; of them nothing is logged, counted or demanded."""
    return _PROBE.fullmatch(path) is not None


def route_of(request: HttpRequest) -> str | None:
    """The path as the URLconf has it, `/api/orders/<str:order_id>`; None where nobody has looked where it leads."""
    match = request.resolver_match
    return f"/{match.route}" if match else None


def method_of(request: HttpRequest) -> str:
    """The method, and `_OTHER` for whatever else whoever asks has written there: it would be a name without end."""
    method = request.method or ""
    return method if method in METHODS else "_OTHER"


def path_either(route: str, view: Callable[..., HttpResponseBase], *, name: str) -> list[URLPattern]:
    """`route` ("api/tickets/<str:ticket_id>") with and without a slash at its end, so that no POST is redirected."""
    route = route.strip("/")
    return [path(route, view, name=name), path(f"{route}/", view, name=f"{name}-slash")]


class NotOurs(errors.Invalid):
    code = "invalid_path"
    detail = "This is not a path of this origin."


def read_local(text: str | None, *, field: str) -> str:
    """The path to go on to that a request named in `field`. Raises `NotOurs` for what may lead elsewhere."""
    found = parse_local(text)
    if found is None:
        raise NotOurs(field=field)
    return found


def parse_local(text: str | None) -> str | None:
    """`text` if it is a path of this origin and nothing that a browser reads otherwise; else None."""
    return text if text and len(text) <= 2000 and _LOCAL.fullmatch(text) else None


def read_id(text: str, *, missing: type[errors.DomainError] = errors.NotFound) -> uuid.UUID:
    """The id in a path. Raises `missing` for what is no id: nothing can be there (contract §2: 404)."""
    found = parse_id(text)
    if found is None:
        raise missing
    return found


def parse_id(text: Any) -> uuid.UUID | None:
    """The UUID that `text` is in the one way ids are written (RFC 9562 §4), else None."""
    return uuid.UUID(text) if isinstance(text, str) and _UUID.fullmatch(text) else None
