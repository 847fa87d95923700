"""Who is told of spans: a collector that takes OTLP over HTTP, and one inside the process of a test."""

import contextlib
import dataclasses
import functools
import http.server
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp_protocol
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, export, sampling
from opentelemetry.sdk.trace.export import in_memory_span_exporter

from shared import otlp, spans


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """One span, as it arrived. Ids are hexadecimal; the `parent` of a root is empty."""

    service: str
    instance: str
    trace: str
    id: str
    parent: str
    name: str
    kind: str
    failed: bool
    attributes: Mapping[str, Any]


class Collector:
    """Listens at `endpoint` while its block lasts, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._server = _listen(0, self.told)
        self._port = int(self._server.server_address[1])
        self.endpoint = f"http://127.0.0.1:{self._port}"

    def of(self, trace: str) -> list[Told]:
        """The spans of a trace so far."""
        return [span for span in list(self.told) if span.trace == trace]

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens there meanwhile."""
        self._end()
        try:
            yield
        finally:
            self._server = _listen(self._port, self.told)

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _listen(port: int, told: list[Told]) -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Handler, told))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, told: list[Told], *arguments: Any) -> None:
        self._told = told
        super().__init__(*arguments)

    def do_POST(self) -> None:
        request = otlp_protocol.ExportTraceServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
        self._told += _told(request)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


def _told(request: Any) -> Iterator[Told]:
    for group in request.resource_spans:
        process = _values(group.resource.attributes)
        for span in (span for scope in group.scope_spans for span in scope.spans):
            yield Told(
                service=process["service.name"],
                instance=process["service.instance.id"],
                trace=span.trace_id.hex(),
                id=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                name=span.name,
                kind=type(span).SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                failed=span.status.code == type(span.status).STATUS_CODE_ERROR,
                attributes=_values(span.attributes),
            )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


class Kept:
    """What this process has told of, as the SDK has it."""

    def __init__(self, exporter: in_memory_span_exporter.InMemorySpanExporter) -> None:
        self._exporter = exporter

    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def one(self) -> ReadableSpan:
        (span,) = self.spans()
        return span


@contextlib.contextmanager
def kept(*, sampler: sampling.Sampler = sampling.DEFAULT_ON) -> Iterator[Kept]:
    """Spans are told in this process meanwhile, as they are where there is a collector, and kept in it."""
    exporter = in_memory_span_exporter.InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    with (
        mock.patch.object(otlp, "_made", return_value=provider),
        mock.patch.object(spans, "otlp", otlp, create=True),
        mock.patch.object(spans, "are_told", True),
    ):
        yield Kept(exporter)
