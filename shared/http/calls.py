"""Calls to other services: each a step of the trace, which the one that is called goes on with."""

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from shared import spans, tracing


@contextlib.contextmanager
def call(method: str, url: str) -> Iterator["Call"]:
    """The step of calling `url`, an address from the settings: it is named by its path, and has no secret in it."""
    parts = urlsplit(url)
    about: dict[str, spans.Value] = {"http.request.method": method, "server.address": parts.hostname or ""}
    if parts.port:
        about["server.port"] = parts.port
    with spans.span(f"{method} {parts.path}", spans.Kind.CLIENT, about) as span:
        yield Call(span)


class Call:
    """A call that is being made."""

    def __init__(self, span: spans.Span) -> None:
        self._span = span

    @property
    def headers(self) -> dict[str, str]:
        """What tells the other side which request, and which step of which trace, this is for."""
        told = {"X-Request-ID": tracing.request_id.get(), "traceparent": tracing.traceparent.get()}
        return {name: value for name, value in told.items() if value}

    def answered(self, response: httpx.Response) -> httpx.Response:
        """Take the answer down, and give it back."""
        self._span.set("http.response.status_code", response.status_code)
        if response.status_code >= 400:
            self._span.fail(str(response.status_code))
        return response
