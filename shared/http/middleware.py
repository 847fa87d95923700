"""What happens to every request and every answer, outermost first: its name, its headers, its failures, its origin."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import unquote_to_bytes

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from shared import errors, ids, spans, tracing
from shared.http import limits, paths, problems

Next = Callable[[HttpRequest], HttpResponseBase]

# These give a browser its session or clear it away, so they need no cookie to be worth forging.
SESSION_PATHS: Final = frozenset({"/api/users/signup", "/api/users/signin", "/api/users/signout", "/admin"})
# A GET that renews a session, and so writes.
WRITING_PATHS: Final = frozenset({"/api/users/resume"})
PAGES: Final = ("/admin/", "/account/")
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger("request")


class RequestIdMiddleware:
    """Names the request (`X-Request-ID`) and its step in a trace (W3C `traceparent`), and logs one line for it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = _request_id(request)
        started = time.perf_counter()
        with tracing.bind(request=request_id, trace=request.headers.get("traceparent")), _step(request) as span:
            response = self.get_response(request)
            _tell(span, request, response)
            response["X-Request-ID"], response["traceparent"] = request_id, str(tracing.current())
            if not paths.is_probe(request.path):
                _log(request, response, seconds=time.perf_counter() - started)
        return response


class SecurityHeadersMiddleware:
    """What every answer carries. A view that may be cached says so itself; everything else is `no-store`."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        if "Server" in response:
            del response["Server"]
        return response


class ProblemMiddleware:
    """Refuses what is no proper request, and sees to it that every refusal of the API is a problem document."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = _malformed(request) or self.get_response(request)
        if response.status_code < 400 or request.path.startswith(PAGES) or problems.is_problem(response):
            return response
        return problems.instead_of(response, request=request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """What a view outside of DRF raises; None, and so a 500, for what nobody foresaw."""
        return problems.answer_to(exception, request)


class CrossSiteMiddleware:
    """The cross-site rule (contract §3): a page of another site may not act with the cookies of this one."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _worth_forging(request) and not _from_here(request):
            entry = {"message": "This request came from another site.", "code": "cross_site"}
            return problems.response(403, [entry], request=request)
        return self.get_response(request)


class WritesMiddleware:
    """Lets nothing be changed while one of WRITE_GUARDS raises errors.Unavailable; what only reads goes on.

    Probes are none of its business: that this process lives is to be told without asking anybody.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.guards = [import_string(path) for path in settings.WRITE_GUARDS]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _writes(request):
            try:
                for guard in self.guards:
                    guard()
            except errors.Unavailable as refusal:
                return problems.from_error(refusal, request)
            except (OperationalError, InterfaceError) as error:
                return problems.unavailable(error, request)
        return self.get_response(request)


def _writes(request: HttpRequest) -> bool:
    if paths.is_probe(request.path):
        return False
    return request.method not in limits.SAFE or request.path.rstrip("/") in WRITING_PATHS


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if _REQUEST_ID.fullmatch(given) else str(ids.new())


def _step(request: HttpRequest) -> AbstractContextManager[spans.Span]:
    """The step that this request is in its caller's trace, or in one of its own; nobody is told of probes."""
    if paths.is_probe(request.path):
        return spans.untold()
    method = paths.method_of(request)
    # The gateway names the client of whatever comes from outside; services that call each other name none.
    outside = "X-Forwarded-For" in request.headers
    return spans.span(method, spans.Kind.SERVER, {"http.request.method": method}, entrance=outside)


def _tell(span: spans.Span, request: HttpRequest, response: HttpResponseBase) -> None:
    """The route and never the path: what is typed into an address may be anything."""
    if route := paths.route_of(request):
        span.name(f"{paths.method_of(request)} {route}")
        span.set("http.route", route)
    span.set("http.response.status_code", response.status_code)
    if response.status_code >= 500:
        span.fail(str(response.status_code))


def _log(request: HttpRequest, response: HttpResponseBase, *, seconds: float) -> None:
    # The path without its query, which may hold what is nobody's business; the user by id alone.
    identity = getattr(request, "identity", None)
    log.info(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
        user_id=str(identity.user_id) if identity else None,
    )


def _malformed(request: HttpRequest) -> HttpResponse | None:
    """The refusal of a target that is not UTF-8 or contains NUL, or of a body whose length nobody told."""
    path = request.META.get("PATH_INFO", "").encode("latin-1", "replace")
    if not _is_text(path):
        return problems.not_found(request)
    if not _is_text(unquote_to_bytes(request.META.get("QUERY_STRING", ""))):
        entry = {"message": "The query is not UTF-8 text.", "code": "malformed"}
        return problems.response(400, [entry], request=request)
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        entry = {"message": "A request with a body says its Content-Length.", "code": "length_required"}
        return problems.response(411, [entry], request=request)
    return None


def _is_text(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False


def _worth_forging(request: HttpRequest) -> bool:
    if request.method in limits.SAFE:
        return False
    return bool(request.META.get("HTTP_COOKIE")) or request.path.rstrip("/") in SESSION_PATHS


def _from_here(request: HttpRequest) -> bool:
    """By what browsers say and pages cannot change; who says nothing is no browser."""
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin == settings.PUBLIC_ORIGIN
