"""gunicorn's configuration for the web process of every service."""

import os
from typing import Any

import gunicorn.http.wsgi
from gunicorn import glogging
from prometheus_client import multiprocess

from shared.http import draining


class Logger(glogging.Logger):
    """Says what gunicorn has to say through the service's own logging, which is set up when Django is loaded.

    No access log: shared.http writes one line a request, with its id.
    """

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


# What serves us is nobody's business.
gunicorn.http.wsgi.SERVER = "web"  # type: ignore[attr-defined] # its stubs do not know it

worker_class = "shared.http.draining.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = int(os.environ.get("WEB_THREADS", "16"))
preload_app = True  # loaded once, shared by the workers; connections and threads are made after the fork
timeout = 30
graceful_timeout = 8  # with what comes before, within the ten seconds in which a process of ours ends
keepalive = 15
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - heartbeats are no secrets
control_socket_disable = True  # it would lie in the home directory, one for all services
forwarder_headers = ""  # no proxy of ours sets the path by a header
logger_class = Logger
errorlog = "-"
loglevel = "warning"


def when_ready(server: Any) -> None:
    draining.prepare(server)


def child_exit(server: Any, worker: Any) -> None:
    """A worker that is gone is no longer counted in the gauges of those that live."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
