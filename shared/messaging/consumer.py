"""The consumer: reads one queue of this service, has each batch applied, and only then acknowledges it."""

import contextlib
import threading
from collections.abc import Sequence

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connections

from shared import faults
from shared.messaging import intake, leadership, metrics, topology
from shared.messaging.backoff import Backoff
from shared.messaging.brokers import connect, port
from shared.messaging.health import Status

BATCH = 500
_WAIT_SECONDS = 0.5


def run(stop: threading.Event, *, queue: topology.Queue, status: Status) -> None:
    """Consume `queue` whenever this process leads for it, until `stop` is set.

    Survives the loss of its database and of its broker.
    """
    backoff = Backoff()
    try:
        while not stop.is_set():
            try:
                with leadership.connect(queue.name) as lock:
                    if leadership.seek(lock, queue.name, stop=stop, status=status):
                        _lead(lock, queue, stop, status, backoff)
            except psycopg.OperationalError as error:
                status.says(f"database away: {error}", ready=False)
                backoff.wait(stop)
    finally:
        connections.close_all()


def _lead(
    lock: leadership.Connection, queue: topology.Queue, stop: threading.Event, status: Status, backoff: Backoff
) -> None:
    while not stop.is_set():
        try:
            with contextlib.closing(connect.subscriber(settings.BROKER_URL, queue=queue)) as subscriber:
                _consume(lock, subscriber, queue, stop, status, backoff)
        except port.BrokerError as error:
            status.says(f"{type(error).__name__}: {error}", ready=isinstance(error, port.Away))
            leadership.verify(lock)
            backoff.wait(stop)


def _consume(
    lock: leadership.Connection,
    subscriber: port.Subscriber,
    queue: topology.Queue,
    stop: threading.Event,
    status: Status,
    backoff: Backoff,
) -> None:
    while not stop.is_set():
        leadership.verify(lock)
        deliveries = subscriber.receive(limit=BATCH, wait=_WAIT_SECONDS)
        status.says("consuming")
        backoff.reset()
        if deliveries and _apply(deliveries, subscriber, queue, stop, status):
            faults.point("consumer.applied")
            subscriber.acknowledge(deliveries)


def _apply(
    deliveries: Sequence[port.Delivery],
    subscriber: port.Subscriber,
    queue: topology.Queue,
    stop: threading.Event,
    status: Status,
) -> bool:
    """Have the batch applied, waiting with it for a database that is away; False if stopped before it was."""
    backoff = Backoff()
    while True:
        try:
            close_old_connections()
            with metrics.batch_seconds.labels(queue.name).time():
                intake.take(deliveries, queue=queue.name)
            close_old_connections()
            return True
        except (OperationalError, InterfaceError) as error:
            status.says(f"database away: {error}", ready=False)
        if stop.is_set():
            return False
        backoff.wait(stop)
        subscriber.tick()
