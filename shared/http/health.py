"""`/livez`: this process answers. `/readyz`: it can serve, judged by what it owns, never by another service."""

from collections.abc import Iterator

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from shared.http import problems
from shared.schema import pending

log = structlog.get_logger(__name__)


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Asks nothing of anybody."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """503 with one entry for each reason, else 200."""
    reasons = list(_reasons())
    if not reasons:
        return JsonResponse({"status": "ok"})
    log.warning("not_ready", reasons=reasons)
    entries = [{"message": reason, "code": "not_ready"} for reason in reasons]
    return problems.response(503, entries, request=request, headers={"Retry-After": "1"})


def _reasons() -> Iterator[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if missing := pending.migrations.missing():
            yield f"{missing} migrations are not applied"
            return
        for check in map(import_string, settings.READINESS):
            if reason := check():
                yield reason
    except DatabaseError:
        # The driver's words would name hosts and roles; they are in the log.
        log.warning("database_unavailable", exc_info=True)
        yield "the database does not answer"
