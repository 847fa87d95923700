"""`/metrics`: what Prometheus reads, summed over the worker processes where there are several.

Of requests: rate, errors and duration in one histogram, under the names of OpenTelemetry's semantic conventions.
"""

import os
import time
from collections.abc import Callable
from typing import Final

import prometheus_client
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition, multiprocess

from shared.http import paths

# A second series for each, which tells when it was born: nobody asks, and `increase` knows without.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

request_seconds = Histogram(
    "http_server_request_duration_seconds",
    "Time from a request's arrival to its answer; probes are not counted",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=BUCKETS,
)
active_requests = Gauge("http_server_active_requests", "Requests that are being answered", multiprocess_mode="livesum")
idempotent_replays = Counter("http_idempotent_replays", "Answers given again for a repeated key")


class MetricsMiddleware:
    """Counts and times every request but the probes. Outermost, so that it sees what the others refuse."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if paths.is_probe(request.path):
            return self.get_response(request)
        started = time.perf_counter()
        with active_requests.track_inprogress():
            response = self.get_response(request)
        seconds = time.perf_counter() - started
        # Without a route what leads nowhere, as it has no end, and what is refused before anybody looks.
        route = (paths.route_of(request) or "").rstrip("/")
        request_seconds.labels(paths.method_of(request), route, str(response.status_code)).observe(seconds)
        return response


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    text = exposition.generate_latest(_registry())
    return HttpResponse(text, content_type=exposition.CONTENT_TYPE_PLAIN_0_0_4)


def _registry() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return prometheus_client.REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
