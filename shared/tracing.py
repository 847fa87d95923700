"""Which request is being served: carried from HTTP through the outbox and the bus into every effect it causes."""

import contextlib
import re
import secrets
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple, Self

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
cause: ContextVar[uuid.UUID | None] = ContextVar("cause", default=None)
"""The id of the event that is being handled."""

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


class Step(NamedTuple):
    """One step of a trace, and so what a W3C `traceparent` says (https://www.w3.org/TR/trace-context/)."""

    trace: str
    id: str
    flags: str

    def __str__(self) -> str:
        return f"00-{self.trace}-{self.id}-{self.flags}"

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """What a `traceparent` says; None where it is none."""
        found = _TRACEPARENT.fullmatch(text or "")
        return cls(*found.groups()) if found else None

    @classmethod
    def after(cls, before: "Step | None") -> Self:
        """The next step of that trace, or the first of a new one."""
        trace, flags = (before.trace, before.flags) if before else (secrets.token_hex(16), "01")
        return cls(trace, secrets.token_hex(8), flags)


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


def current() -> Step | None:
    """The step of the trace in which this happens."""
    return Step.read(traceparent.get())
