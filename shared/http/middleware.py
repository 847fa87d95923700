"""What is done to every request and every answer, whatever view they meet."""

import re
import secrets
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from shared import ids, tracing
from shared.http import problems

GetResponse = Callable[[HttpRequest], HttpResponse]

PROBES = ("/livez", "/readyz", "/metrics")
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Signing in is guarded too: a stranger's page must not sign its visitor in as somebody else.
SIGN_IN = re.compile(r"/api/users/(signup|signin)/?")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

log = structlog.get_logger(__name__)


class RequestIdMiddleware:
    """Gives the request its id and its W3C trace, for log lines and for every event it causes; logs one line."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = _accepted(_REQUEST_ID, request.headers.get("X-Request-ID")) or str(ids.new())
        trace = _accepted(_TRACEPARENT, request.headers.get("traceparent")) or _new_trace()
        with tracing.bind(request=request_id, trace=trace):
            began = time.perf_counter()
            response = self.get_response(request)
            if not request.path.startswith(PROBES):
                seconds = round(time.perf_counter() - began, 4)
                log.info("request", method=request.method, path=request.path, status=response.status_code, took=seconds)
        response["X-Request-ID"] = request_id
        response["traceparent"] = trace
        return response


class SecurityHeadersMiddleware:
    """What the contract demands of every answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if _concerns_a_user(request):
            response.headers.setdefault("Cache-Control", "no-store")
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


class ProblemMiddleware:
    """Turns what fails outside of DRF's views into a problem document."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return problems.answer_to(exception, request)


class CrossSiteMiddleware:
    """Refuses (403) what another site's page has a browser send: by fetch metadata, else by origin.

    A caller that sends neither is no browser. https://www.w3.org/TR/fetch-metadata/
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        guarded = request.method not in SAFE and ("HTTP_COOKIE" in request.META or SIGN_IN.fullmatch(request.path))
        return problems.forbidden(request) if guarded and _is_cross_site(request) else self.get_response(request)


def _is_cross_site(request: HttpRequest) -> bool:
    if (site := request.headers.get("Sec-Fetch-Site")) is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and origin != settings.PUBLIC_ORIGIN


def _concerns_a_user(request: HttpRequest) -> bool:
    return "HTTP_COOKIE" in request.META or "HTTP_AUTHORIZATION" in request.META or request.method not in SAFE


def _accepted(pattern: re.Pattern[str], text: str | None) -> str | None:
    return text if text is not None and pattern.fullmatch(text) else None


def _new_trace() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
