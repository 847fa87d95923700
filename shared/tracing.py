"""Which request is being served: carried from HTTP through the outbox and the bus into every effect it causes."""

import contextlib
import uuid
from collections.abc import Iterator
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
cause: ContextVar[uuid.UUID | None] = ContextVar("cause", default=None)
"""The id of the event that is being handled."""


@contextlib.contextmanager
def bind(*, request: str | None, trace: str | None, event: uuid.UUID | None = None) -> Iterator[None]:
    """For the length of the block, make `request` the current request id, `trace` the current W3C `traceparent`, and
    `event` the one that is being handled.
    """
    before = request_id.set(request), traceparent.set(trace), cause.set(event)
    try:
        yield
    finally:
        request_id.reset(before[0])
        traceparent.reset(before[1])
        cause.reset(before[2])
