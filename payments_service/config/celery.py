"""The Celery application: slow work that may wait. Tasks take their work from rows; a lost task costs one period."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_service.config.settings")

from django.conf import settings

SETTLE_EVERY = 1.0
RESOLVE_EVERY = 2.0

EMBEDDED_BROKER = {
    # Said here too: the pgmq client believes DATABASE_URL, this service's own database, before the broker's URL.
    "conn_string": settings.CELERY_BROKER_URL.replace("pgmq://", "postgresql://", 1),
    "use_notify": True,
    "wait_time_seconds": 0,
    "polling_interval": 0.2,
    "notify_throttle_interval_ms": 0,
    "init_extension": False,
    "visibility_timeout": 15,
}

app = Celery("payments")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options=EMBEDDED_BROKER if settings.CELERY_BROKER_URL.startswith("pgmq:") else {},
    task_default_queue="payments.tasks",
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
        "settle payments": {
            "task": "payments.settle_payments",
            "schedule": SETTLE_EVERY,
            "options": {"expires": SETTLE_EVERY},
        },
        "resolve payments": {
            "task": "payments.resolve_payments",
            "schedule": RESOLVE_EVERY,
            "options": {"expires": RESOLVE_EVERY},
        },
    },
)
app.autodiscover_tasks(["payments_service.payments"])
