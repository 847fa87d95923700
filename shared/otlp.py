"""Spans by OpenTelemetry, sent by OTLP over HTTP. Imported only where there is a collector to send them to.

The SDK reads its standard variables itself (OTEL_TRACES_SAMPLER, OTEL_BSP_…, OTEL_EXPORTER_OTLP_…). A collector that is
away costs a bounded queue of spans, which a thread of its own empties; it costs no request any time.
"""

import functools
import threading
import uuid
from collections.abc import Mapping

from django.conf import settings
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision

from shared import tracing

LAST_WORDS_SECONDS = 2.0

_once = threading.Lock()

# A queue shorter than a batch, say, is to stop the boot and not the first request.
BatchSpanProcessor(OTLPSpanExporter()).shutdown()  # type: ignore[no-untyped-call] # the SDK's own is untyped


class Span:
    """One span of the SDK, and the little that is ever said of it."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def step(self) -> tracing.Step:
        """Where in which trace it is."""
        context = self._span.get_span_context()
        ids = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
        return tracing.Step(*ids, flags=f"{context.trace_flags:02x}")

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def set(self, key: str, value: str | int) -> None:
        self._span.set_attribute(key, value)

    def fail(self, error: str) -> None:
        self._span.set_attribute("error.type", error)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self, at: int | None = None) -> None:
        """It ends now, or ended at that nanosecond; only now it is told."""
        self._span.end(at)


def begin(
    name: str, kind: str, attributes: Mapping[str, str | int], *, entrance: bool = False, began: int | None = None
) -> Span:
    """A span that begins now, or began at that nanosecond, as the next step of the current trace.

    `entrance`: the caller is a stranger. His trace is gone on with; whether it is recorded is not for him to say.
    """
    provider, span_kind, above = _provider(), trace.SpanKind[kind.upper()], tracing.current()
    if above and entrance:
        verdict = provider.sampler.should_sample(None, int(above.trace, 16), name, span_kind, attributes)
        above = above._replace(flags="01" if verdict.decision is Decision.RECORD_AND_SAMPLE else "00")
    tracer = provider.get_tracer("admit-one")
    return Span(tracer.start_span(name, context=_below(above), kind=span_kind, attributes=attributes, start_time=began))


def _below(above: tracing.Step | None) -> Context:
    if above is None:
        return Context()
    flags = trace.TraceFlags(int(above.flags, 16))
    context = trace.SpanContext(int(above.trace, 16), int(above.id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())


class _Processor(BatchSpanProcessor):
    """One that ends in time: the SDK's own waits half a minute for a collector that is away."""

    def shutdown(self) -> None:
        self._batch_processor.shutdown(timeout_millis=int(LAST_WORDS_SECONDS * 1000))


def _provider() -> TracerProvider:
    """The one of this process, made by its first span: a thread made before a fork would be missing after it."""
    with _once:
        return _made()


@functools.cache
def _made() -> TracerProvider:
    names = {
        "service.namespace": "admit-one",
        "service.name": settings.SERVICE,
        "service.instance.id": f"{uuid.uuid4()}",
    }
    provider = TracerProvider(resource=Resource.create(names))
    provider.add_span_processor(_Processor(OTLPSpanExporter()))
    return provider
