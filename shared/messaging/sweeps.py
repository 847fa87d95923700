"""Work that is due by the clock, such as expiry: a loop in this process that needs no broker."""

import threading
import time
from collections.abc import Callable

import psycopg
import structlog
from django.conf import settings
from django.db import close_old_connections, connections
from django.utils.module_loading import import_string

from shared.messaging import leadership, metrics, recovery
from shared.messaging.backoff import Backoff
from shared.messaging.health import Status

log = structlog.get_logger(__name__)


def run(stop: threading.Event, *, status: Status) -> None:
    """Run each of MESSAGING_SWEEPS once every period of its own whenever this process leads, until `stop` is set.

    The first run comes at once; none comes while this service recovers from a restore. Survives the loss of its
    database; a sweep that raises is logged and comes again.
    """
    backoff = Backoff()
    sweeps = {path: import_string(path) for path in settings.MESSAGING_SWEEPS}
    try:
        while not stop.is_set():
            try:
                with leadership.connect("sweeps") as lock:
                    backoff.reset()
                    if leadership.seek(lock, "sweeps", stop=stop, status=status):
                        status.says("sweeping")
                        _lead(lock, sweeps, stop)
            except psycopg.OperationalError as error:
                status.says(f"database away: {error}", ready=False)
                backoff.wait(stop)
    finally:
        connections.close_all()


def _lead(lock: leadership.Connection, sweeps: dict[str, Callable[[], object]], stop: threading.Event) -> None:
    due = dict.fromkeys(sweeps, time.monotonic())
    while not stop.wait(max(0.0, min(due.values(), default=time.monotonic() + 1) - time.monotonic())):
        leadership.verify(lock)
        for path in [path for path, moment in due.items() if moment <= time.monotonic()]:
            _sweep(path, sweeps[path])
            due[path] = max(due[path] + settings.MESSAGING_SWEEPS[path], time.monotonic())


def _sweep(path: str, sweep: Callable[[], object]) -> None:
    close_old_connections()
    result = "done"
    try:
        # Nothing is decided by the clock on a state that the others have left behind.
        if recovery.is_under_way():
            result = "paused"
        else:
            sweep()
    except Exception:  # a sweep may raise anything; the next ones are not to suffer for it
        log.exception("sweep failed", sweep=path)
        result = "failed"
    metrics.swept.labels(path, result).inc()
    close_old_connections()
