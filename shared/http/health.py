"""/livez, /readyz and /metrics of a web process: on its own port, not reachable through the gateway."""

import os
from collections.abc import Iterator

import prometheus_client
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db import Error as DatabaseError
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from prometheus_client import multiprocess

_migrated: set[str] = set()


def live(request: HttpRequest) -> HttpResponse:
    """The process runs. Asks nothing and nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    """200 when this process can serve by itself, 503 with the reasons when not; never asks another service."""
    reasons = list(reasons_against())
    return JsonResponse({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics, of all processes of this web server where PROMETHEUS_MULTIPROC_DIR is set."""
    registry: prometheus_client.CollectorRegistry = prometheus_client.REGISTRY
    if multiprocess_folder():
        registry = prometheus_client.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(
        prometheus_client.generate_latest(registry), content_type=prometheus_client.CONTENT_TYPE_LATEST
    )


def multiprocess_folder() -> str:
    """Where the processes of one web server keep their metrics; "" for a process alone."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")


def reasons_against() -> Iterator[str]:
    """Why this process cannot serve: its database, its migrations, and what READINESS names."""
    try:
        if not _is_migrated():
            yield "migrations are not applied"
    except DatabaseError as error:
        yield f"the database does not answer: {error}"
        return
    for name in settings.READINESS:
        if reason := import_string(name)():
            yield reason


def _is_migrated() -> bool:
    """Migrations are looked at until they were once complete: they are not undone below a running process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if DEFAULT_DB_ALIAS not in _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _migrated.add(DEFAULT_DB_ALIAS)
    return True
