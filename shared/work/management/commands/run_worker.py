"""`manage.py run_worker --port N`: Celery worker and beat in one process, with /livez, /readyz and /metrics."""

import os
import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

import structlog
from celery import Celery, beat, signals
from celery.apps import worker as celery_worker
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from shared.messaging.health import Status
from shared.messaging.server import Server
from shared.work import metrics

RETRY_SECONDS = 1.0
GRACE_SECONDS = 8.0

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Run the Celery worker with its beat, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address of /livez, /readyz and /metrics")
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--concurrency", type=int, default=4, help="tasks at once (threads)")

    def handle(self, *, host: str, port: int, concurrency: int, **_options: Any) -> None:
        app = import_string(settings.CELERY_APP)
        metrics.watch(app)
        worker, server_status = Status("worker"), Status("server")
        worker.says("waiting for work")  # a broker that is away costs delay; it is no reason to be restarted
        stop = threading.Event()
        signals.worker_shutting_down.connect(lambda **_: stop.set(), weak=False)
        threading.Thread(target=_end_in_time, args=(stop,), daemon=True).start()
        server = Server((host, port), parts=[worker, server_status])
        serving = threading.Thread(target=server.serve, args=(stop,), kwargs={"status": server_status}, daemon=True)
        serving.start()
        threading.Thread(target=_beat, args=(app, stop), daemon=True).start()
        # Not through Celery's command line: there BROKER_URL, the events' broker, would win over the app's own.
        running = _Worker(
            app,
            pool="threads",
            concurrency=concurrency,
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        running.start()
        sys.exit(running.exitcode)


class _Worker(celery_worker.Worker):
    """Celery's, which ends without saying so in a line that is no JSON."""

    def install_platform_tweaks(self, worker: Any) -> None:
        super().install_platform_tweaks(worker)
        celery_worker.install_worker_term_handler(worker, verbose=False)  # type: ignore[attr-defined] # not in its stubs


def _end_in_time(stop: threading.Event) -> None:
    """Celery would wait for its tasks for ever. One that hangs is given up; the broker hands it to another worker."""
    stop.wait()
    time.sleep(GRACE_SECONDS)
    log.error("tasks did not end in time")
    os._exit(1)


def _beat(app: Celery, stop: threading.Event) -> None:
    """Send tasks by the clock until `stop`; what ends the beat (a broker that is away, for one) begins it anew."""
    while not stop.is_set():
        try:
            beat.Service(app, scheduler_cls=beat.Scheduler).start()
        except Exception:
            log.exception("beat_failed")
            stop.wait(RETRY_SECONDS)
