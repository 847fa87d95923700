"""Spans: how long each step of a trace took and what came of it, for whoever follows a request through the services.

They are told where OTEL_EXPORTER_OTLP_ENDPOINT names a collector; elsewhere nothing of OpenTelemetry is imported. A
span names routes, types, ids and kinds of errors. It holds no path, query, payload, address or message of an error,
for what has left for a collector can be neither erased nor kept secret.
"""

import contextlib
import enum
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from shared import tracing

Value = str | int
REQUEST_ID = "admit_one.request_id"

are_told = bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")) and os.environ.get("OTEL_SDK_DISABLED") != "true"
if are_told:
    from shared import otlp


class Kind(enum.StrEnum):
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span(Protocol):
    """What may be said of a step while it goes on."""

    def name(self, name: str, /) -> None:
        """Another name than it began with: what was asked for may be known only later."""

    def set(self, key: str, value: Value, /) -> None:
        """By the names of https://opentelemetry.io/docs/specs/semconv/, where there is one."""

    def fail(self, error: str, /) -> None:
        """It went wrong, in that way: the kind of an error, or a status."""


class _Untold:
    """A step of which nobody is told; quick, for there may be thousands a second."""

    def __enter__(self) -> Span:
        self._before = tracing.traceparent.set(str(tracing.Step.after(tracing.current())))
        return self

    def __exit__(self, *_: object) -> None:
        tracing.traceparent.reset(self._before)

    def name(self, _name: str, /) -> None:
        pass

    def set(self, _key: str, _value: Value, /) -> None:
        pass

    def fail(self, _error: str, /) -> None:
        pass


_NOTHING: Mapping[str, Value] = {}


def _at_once(end: Callable[[], object]) -> None:
    end()


def span(
    name: str,
    kind: Kind,
    attributes: Mapping[str, Value] = _NOTHING,
    *,
    entrance: bool = False,
    told: Callable[[Callable[[], object]], object] = _at_once,
) -> AbstractContextManager[Span]:
    """The next step of the current trace, and the current one for the length of the block.

    One that raises is told as failed. `entrance`: the caller is a stranger, who is not to say what is recorded. `told`
    is given what tells of a step that went well, to be called when that is certain: `transaction.on_commit`, say.
    """
    return _told(name, kind, attributes, entrance=entrance, told=told) if are_told else _Untold()


def untold() -> AbstractContextManager[Span]:
    """A step as `span` makes one, of which nobody is told."""
    return _Untold()


@contextlib.contextmanager
def _told(
    name: str,
    kind: Kind,
    attributes: Mapping[str, Value],
    *,
    entrance: bool,
    told: Callable[[Callable[[], object]], object],
) -> Iterator[Span]:
    begun = otlp.begin(name, kind, _of_request(attributes), entrance=entrance)
    before = tracing.traceparent.set(str(begun.step))
    try:
        yield begun
    except BaseException as error:
        begun.fail(type(error).__name__)
        begun.end()
        raise
    finally:
        tracing.traceparent.reset(before)
    told(functools.partial(begun.end, time.time_ns()))


def tell(name: str, kind: Kind, attributes: Mapping[str, Value], *, began: int) -> None:
    """Tell of a step of the current trace that is over, and began at that nanosecond (`time.time_ns()`)."""
    if are_told:
        otlp.begin(name, kind, _of_request(attributes), began=began).end()


def _of_request(attributes: Mapping[str, Value]) -> Mapping[str, Value]:
    request_id = tracing.request_id.get()
    return {**attributes, REQUEST_ID: request_id} if request_id else attributes
