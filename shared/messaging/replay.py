"""Replay: asks producers for what this service has missed, and tells others again what they have missed.

Both are rows: what is missing is derived from the inbox, what was asked of us is kept until it is answered. So
whichever process dies, the next leader goes on where it stood.
"""

import contextlib
import threading
import time
from collections.abc import Sequence

import psycopg
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.db.models import Max, Min, QuerySet
from django.db.models.functions import Now

from shared import clock
from shared.contracts import log as contract
from shared.contracts import registry
from shared.messaging import leadership, metrics, notices, progress, recovery, snapshots, topology, wire
from shared.messaging.backoff import Backoff
from shared.messaging.brokers import connect, port
from shared.messaging.health import Status
from shared.messaging.models import Log, OutboxEvent, ReplayRequest

log = structlog.get_logger(__name__)

_TURN_SECONDS = 0.1
_IDLE_TURN_SECONDS = 0.25
_ASK_EVERY_SECONDS = 0.5


def run(stop: threading.Event, *, status: Status) -> None:
    """Ask and answer whenever this process leads, until `stop` is set. Survives the loss of database and broker."""
    backoff = Backoff()
    try:
        while not stop.is_set():
            try:
                with leadership.connect("replay") as lock:
                    if leadership.seek(lock, "replay", stop=stop, status=status):
                        _lead(lock, stop, status, backoff)
            except (psycopg.OperationalError, OperationalError, InterfaceError) as error:
                status.says(f"database away: {error}", ready=False)
                backoff.wait(stop)
    finally:
        connections.close_all()


def _lead(lock: leadership.Connection, stop: threading.Event, status: Status, backoff: Backoff) -> None:
    while not stop.is_set():
        try:
            with contextlib.closing(connect.publisher(settings.BROKER_URL, service=settings.SERVICE)) as publisher:
                _take_turns(lock, publisher, stop, status, backoff)
        except port.BrokerError as error:
            status.says(f"{type(error).__name__}: {error}", ready=isinstance(error, port.Away | port.Unconfirmed))
            leadership.verify(lock)
            backoff.wait(stop)


def _take_turns(
    lock: leadership.Connection, publisher: port.Publisher, stop: threading.Event, status: Status, backoff: Backoff
) -> None:
    most = max(1, int(settings.MESSAGING_REPLAY_PER_SECOND * _TURN_SECONDS))
    # Before anything is asked: after an outage the connection of this thread is dead, and would be for ever.
    close_old_connections()
    introduce(publisher)
    ask_at = time.monotonic()
    while not stop.is_set():
        began = time.monotonic()
        leadership.verify(lock)
        close_old_connections()
        if began >= ask_at:
            ask(publisher)
            publisher.tick()
            ask_at = began + _ASK_EVERY_SECONDS
        answered, recovering = answer(publisher, most=most), recovery.step(most=most)
        turn = _TURN_SECONDS if answered or recovering else _IDLE_TURN_SECONDS
        status.says(recovering or "following")
        backoff.reset()
        stop.wait(max(0.0, began + turn - time.monotonic()))


def ask(publisher: port.Publisher) -> int:
    """Send a request to each producer of whom something is missing for long enough; how many there were."""
    now, since, asked = clock.now(), _own().recovering_since, 0
    for row in progress.followed():
        if wanted := progress.wanted(row, now=now, since=since):
            first, last = wanted
            _request(publisher, row.source, contract.ReplayRequested(epoch=row.epoch, from_=first, to=last))
            progress.asked(row)
            asked += 1
    return asked


def introduce(publisher: port.Publisher) -> None:
    """Ask each producer that was never heard for the first of its log: the answer tells how far it reaches.

    Else a service that joins a silent market would wait for the next announcement.
    """
    for source in progress.unheard():
        _request(publisher, source, contract.ReplayRequested(epoch=1, from_=1, to=1))


def _request(publisher: port.Publisher, source: str, request: contract.ReplayRequested) -> None:
    log.info("replay requested", source=source, epoch=request.epoch, first=request.from_, last=request.to)
    _send(publisher, [notices.body(request, epoch=_own().epoch, now=clock.now())], to=registry.service_of(source))
    metrics.replay_requests.labels(source).inc()


def answer(publisher: port.Publisher, *, most: int) -> int:
    """Send the next `most` events at most to whoever has waited longest; how many there were."""
    request = ReplayRequest.objects.order_by("served_at", "id").first()
    if request is None:
        return 0
    ReplayRequest.objects.filter(pk=request.pk).update(served_at=Now())
    own = _own()
    if request.epoch > own.epoch:
        log.error("replay of an epoch that this log has not reached", asker=request.asker, epoch=request.epoch)
        request.delete()
        return 0
    if snapshots.are_wanted(request, own):
        return 0 if own.recovering_since else snapshots.say_for(request, own=own, most=most)
    return _answer_from_log(publisher, request, own, most=most)


def _answer_from_log(publisher: port.Publisher, request: ReplayRequest, own: Log, *, most: int) -> int:
    rows = wire.logged(epoch=request.epoch, first=request.next, last=request.last, most=most)
    if rows:
        _send(publisher, [wire.body(row) for row in rows], to=request.asker)
        metrics.replayed.labels(request.asker).inc(len(rows))
        _as_it_was(request).update(next=rows[-1].position + 1)
    elif snapshots.are_numbered():
        notice = notices.body(_completed(request), epoch=own.epoch, now=clock.now())
        _send(publisher, [notice], to=request.asker)
        _as_it_was(request).filter(last=request.last).delete()
        log.info("replay completed", asker=request.asker, epoch=request.epoch, first=request.first, last=request.last)
    return len(rows)


def _completed(request: ReplayRequest) -> contract.ReplayCompleted:
    """Read only now: it has to name every snapshot that was said for this request."""
    own = _own()
    if request.epoch == own.epoch:
        first_kept, last_kept = own.pruned_to + 1, own.position
    else:
        kept = OutboxEvent.objects.filter(epoch=request.epoch).aggregate(first=Min("position"), last=Max("position"))
        first_kept, last_kept = kept["first"] or 1, kept["last"] or 0
    return contract.ReplayCompleted(
        epoch=request.epoch,
        from_=request.first,
        to=request.last,
        first_kept=first_kept,
        last_kept=last_kept,
        position=own.position,
    )


def _as_it_was(request: ReplayRequest) -> QuerySet[ReplayRequest]:
    """The request, unless an earlier range was merged into it meanwhile."""
    return ReplayRequest.objects.filter(pk=request.pk, next=request.next)


def _own() -> Log:
    return Log.objects.get_or_create(id=1)[0]


def _send(publisher: port.Publisher, bodies: Sequence[bytes], *, to: str) -> None:
    exchange = topology.direct(to)
    publisher.publish(bodies, exchange=exchange, listeners=topology.listeners(exchange))
