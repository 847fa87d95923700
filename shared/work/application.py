"""The Celery application of a service: slow work that may wait. Tasks take their work from rows.

So a task message is only a nudge: it expires when the next one is sent, and one that is lost costs one period.
"""

from collections.abc import Mapping
from typing import Any

from celery import Celery
from django.conf import settings


def make(*, periods: Mapping[str, float]) -> Celery:
    """The application of this process's service, whose beat sends each task by its name every so many seconds."""
    app = Celery(settings.SERVICE)
    app.conf.update(
        **_broker(settings.CELERY_BROKER_URL),
        task_default_queue=f"{settings.SERVICE}.work",
        task_default_queue_type="quorum",
        worker_consumer="shared.work.consumer:Consumer",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        timezone="UTC",
        beat_schedule={
            task: {"task": task, "schedule": period, "options": {"expires": period}} for task, period in periods.items()
        },
    )
    app.autodiscover_tasks()
    return app


def _broker(url: str) -> dict[str, Any]:
    return {
        "broker_url": url,
        "broker_heartbeat": 10,  # seconds; with Celery's 120 a worker would not notice a node that is cut off
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": _embedded(url) if url.startswith("pgmq:") else {},
    }


def _embedded(url: str) -> dict[str, Any]:
    return {
        # Said here too: the pgmq client believes DATABASE_URL, the service's own database, before the broker's URL.
        "conn_string": url.replace("pgmq://", "postgresql://", 1),
        "use_notify": True,
        "wait_time_seconds": 0,
        "polling_interval": 0.2,
        "notify_throttle_interval_ms": 0,
        "init_extension": False,
        "visibility_timeout": 15,
    }
