"""The relay: takes what is unsent from the outbox, numbers it, hands it to the broker, marks it sent.

Rows are taken by the flag that they are unsent, never by a high-water mark: ids are given before the commit, so a
mark overtakes rows that are not visible yet. All statements run on the connection that holds the leader's lock, so
that a relay which has lost its lead cannot number or mark anything.
"""

import contextlib
import threading
import time

import psycopg
import structlog
from django.conf import settings

from shared import faults
from shared.contracts import log as contract
from shared.contracts import registry
from shared.messaging import hops, leadership, metrics, notices, outbox, topology, wire
from shared.messaging.backoff import Backoff
from shared.messaging.brokers import connect, port
from shared.messaging.health import Status

log = structlog.get_logger(__name__)

BATCH = 500
_POLL_SECONDS = 0.2

FIRST_LOG_ROW = "INSERT INTO messaging_log (id, epoch, position) VALUES (1, 1, 0) ON CONFLICT DO NOTHING"
_ANYTHING = "SELECT EXISTS (SELECT 1 FROM messaging_outboxevent WHERE sent_at IS NULL)"
_NUMBER = """
WITH log AS (SELECT epoch, position FROM messaging_log FOR UPDATE),
fresh AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM (
        SELECT id FROM messaging_outboxevent WHERE sent_at IS NULL AND position IS NULL ORDER BY id LIMIT %s
    ) AS unnumbered
),
numbered AS (
    UPDATE messaging_outboxevent AS event SET epoch = log.epoch, position = log.position + fresh.place
    FROM fresh, log WHERE event.id = fresh.id
    RETURNING 1
)
UPDATE messaging_log SET position = position + (SELECT count(*) FROM numbered)
WHERE EXISTS (SELECT 1 FROM numbered)
"""
_UNSENT = (
    f"SELECT {wire.COLUMNS} FROM messaging_outboxevent"  # noqa: S608 - columns of our own
    " WHERE sent_at IS NULL AND position IS NOT NULL ORDER BY epoch, position LIMIT %s"
)
_MARK = "UPDATE messaging_outboxevent SET sent_at = clock_timestamp() WHERE id = ANY(%s)"
_REACHES = "SELECT epoch, position, clock_timestamp() FROM messaging_log"


def run(stop: threading.Event, *, status: Status) -> None:
    """Relay whenever this process leads, until `stop` is set. Survives the loss of its database and its broker."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            with leadership.connect("relay") as connection:
                backoff.reset()
                if leadership.seek(connection, "relay", stop=stop, status=status):
                    _lead(connection, stop, status)
        except psycopg.OperationalError as error:
            status.says(f"database away: {error}", ready=False)
            backoff.wait(stop)
        finally:
            metrics.relay_leader.set(0)


def _lead(connection: leadership.Connection, stop: threading.Event, status: Status) -> None:
    metrics.relay_leader.set(1)
    for type_ in registry.types_of(registry.source_of(settings.SERVICE)):
        metrics.published.labels(type_)  # 0 from the start: one that first appears as 1 is no increase
    connection.execute(FIRST_LOG_ROW)
    connection.execute(f"LISTEN {outbox.CHANNEL}")
    backoff = Backoff()
    while not stop.is_set():
        try:
            with contextlib.closing(connect.publisher(settings.BROKER_URL, service=settings.SERVICE)) as publisher:
                _relay_all(connection, publisher, stop, status, backoff)
        except port.BrokerError as error:
            metrics.publish_failures.labels(type(error).__name__).inc()
            # A broker that is away will return; one that refuses or does not route needs somebody to look.
            status.says(f"{type(error).__name__}: {error}", ready=isinstance(error, port.Away | port.Unconfirmed))
            leadership.verify(connection)
            backoff.wait(stop)


def _relay_all(
    connection: leadership.Connection,
    publisher: port.Publisher,
    stop: threading.Event,
    status: Status,
    backoff: Backoff,
) -> None:
    announcements = Announcements(now=time.monotonic())
    while not stop.is_set():
        sent = relay_batch(connection, publisher)
        if announcements.are_due(sent=sent, now=time.monotonic()):
            announce(connection, publisher)
        publisher.tick()
        status.says("relaying")
        backoff.reset()
        if not sent:
            for _ in connection.notifies(timeout=_POLL_SECONDS, stop_after=1):
                pass


def relay_batch(connection: leadership.Connection, publisher: port.Publisher, *, limit: int = BATCH) -> int:
    """Send the next `limit` unsent events at most; how many there were.

    The numbers are committed before the first publish: whatever happens afterwards, an event has one position for
    ever, and a crash between the broker's confirm and the mark makes a duplicate, never a loss or a second number.
    Raises BrokerError and psycopg.OperationalError.
    """
    if connection.execute(_ANYTHING).fetchone() == (False,):
        return 0
    connection.execute(_NUMBER, (limit,))
    rows = wire.rows(connection.execute(_UNSENT, (limit,)).fetchall())
    if rows:
        began = time.time_ns()
        _say(publisher, [wire.body(row) for row in rows])
        faults.point("relay.confirmed")
        connection.execute(_MARK, ([row.id for row in rows],))
        for row in rows:
            metrics.published.labels(row.type).inc()
        hops.sent(rows, exchange=topology.exchange(settings.SERVICE), began=began)
    return len(rows)


def announce(connection: leadership.Connection, publisher: port.Publisher) -> None:
    """Say how far the log reaches, so that a listener notices what was lost at its end.

    Raises BrokerError and psycopg.OperationalError.
    """
    if row := connection.execute(_REACHES).fetchone():
        epoch, position, now = row
        notice = contract.LogPosition(epoch=epoch, position=position)
        _say(publisher, [notices.body(notice, epoch=epoch, now=now)])


def _say(publisher: port.Publisher, bodies: list[bytes]) -> None:
    exchange = topology.exchange(settings.SERVICE)
    publisher.publish(bodies, exchange=exchange, listeners=topology.listeners(exchange))


class Announcements:
    """When to say how far the log reaches: every second while anything is said and a minute longer, else every 30 s.

    A new connection counts as activity: what was lost with the old one is noticed soon. The minute is for listeners
    that need longer to return than the relay.
    """

    ACTIVE_EVERY, IDLE_EVERY, ACTIVE_FOR = 1.0, 30.0, 60.0

    def __init__(self, *, now: float) -> None:
        self._active_until, self._last = now + self.ACTIVE_FOR, float("-inf")

    def are_due(self, *, sent: int, now: float) -> bool:
        """Whether to say it now, when `sent` events have just gone out; to be asked after every batch."""
        if sent:
            self._active_until = now + self.ACTIVE_FOR
        every = self.ACTIVE_EVERY if now <= self._active_until else self.IDLE_EVERY
        if now < self._last + every:
            return False
        self._last = now
        return True
