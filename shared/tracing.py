"""Which request is being served: carried from HTTP through the outbox and the bus into every effect it causes."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


@contextlib.contextmanager
def bind(*, request: str | None, trace: str | None) -> Iterator[None]:
    """Make `request` the current request id and `trace` the current W3C `traceparent` for the length of the block."""
    before = request_id.set(request), traceparent.set(trace)
    try:
        yield
    finally:
        request_id.reset(before[0])
        traceparent.reset(before[1])
