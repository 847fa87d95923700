"""`/metrics`: what Prometheus reads, summed over the worker processes where there are several."""

import os

import prometheus_client
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, exposition, multiprocess

idempotent_replays = prometheus_client.Counter("http_idempotent_replays", "Answers given again for a repeated key")


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
