"""What becomes of tasks, under the names of Celery's well-known exporter, which would need the worker's events."""

import time
from typing import Any

from celery import Celery, signals
from prometheus_client import Counter, Histogram

succeeded = Counter("celery_task_succeeded", "Runs of each task that ended well", ["name"])
failed = Counter("celery_task_failed", "Runs of each task that raised", ["name"])
seconds = Histogram("celery_task_runtime_seconds", "Time each task took", ["name"])

_STARTED = "measured_from"


def watch(app: Celery) -> None:
    """Count and time every task that this process runs; 0 from the start for those that beat sends."""
    for entry in app.conf.beat_schedule.values():
        for counted in (succeeded, failed):
            counted.labels(entry["task"])
    signals.task_prerun.connect(_begins)
    signals.task_postrun.connect(_ends)


def _begins(*, task: Any, **_known: object) -> None:
    setattr(task.request, _STARTED, time.perf_counter())


def _ends(*, task: Any, state: str, **_known: object) -> None:
    seconds.labels(task.name).observe(time.perf_counter() - getattr(task.request, _STARTED))
    (succeeded if state == "SUCCESS" else failed).labels(task.name).inc()
