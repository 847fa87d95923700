"""Messages that come twice, in the wrong order, or cannot be read."""

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import psycopg

from deploy.chaos import market
from deploy.chaos.faults import base
from shared.contracts import envelope as envelopes
from shared.contracts import events, orders, payments, registry, tickets, users
from shared.messaging import topology, wire
from shared.messaging.brokers import connect, port

_RECENT = 200
_POISONOUS: Mapping[str, type[events.Event]] = {
    "auth": users.UserRegistered,
    "tickets": tickets.TicketCreated,
    "orders": orders.OrderCreated,
    "payments": payments.PaymentAuthorized,
}


class Duplicate(base.Fault):
    """The newest events of a producer are said again: shuffled, and each twice."""

    def strike(self) -> str:
        bodies = list(_recent(self.market, self.target))
        if not bodies:
            raise base.Missed("it has said nothing yet")
        doubled = self.chance.sample(bodies * 2, 2 * len(bodies))
        _say(self.market, self.target, doubled)
        return f"{len(doubled)} messages"


class Reorder(base.Fault):
    """A consumer is away; what has gathered in its queue meanwhile is put back in another order."""

    def strike(self) -> str:
        self.market.kill(f"{self.target}.messaging")
        self.market.stop(f"{self.target}.messaging")
        return "its consumer is away"

    def heal(self) -> None:
        try:
            self._shuffle()
        finally:
            self.market.start(f"{self.target}.messaging")

    def _shuffle(self) -> None:
        for queue in topology.queues(self.target):
            found = [delivery for delivery in _drained(self.market, queue) if _is_event(delivery.body)]
            self.chance.shuffle(found)
            for delivery in found:
                _say(self.market, str(delivery.sender), [delivery.body])
            self.moved = getattr(self, "moved", 0) + len(found)


class Poison(base.Fault):
    """A genuine sender says something of a subscribed type that does not decode, twice."""

    def strike(self) -> str:
        body = self._body()
        event_id = str(envelopes.decode(body).id)
        exchange = topology.exchange(self.target)
        hearers = {queue.owner for queue in topology.all_queues() if exchange in queue.exchanges}
        self.ledger.poison[event_id] = hearers
        self.ledger.poisoned[event_id] = float("-inf")  # what is not confirmed may have got through, or not
        _say(self.market, self.target, [body, body])
        self.ledger.poisoned[event_id] = time.time()
        return f"{event_id} to {', '.join(sorted(hearers))}"

    def _body(self) -> bytes:
        """At a position that is taken: another one would be a hole in the log, which is not what is tested here."""
        real = next(_recent(self.market, self.target, most=1), None)
        if real is None:
            raise base.Missed("it has said nothing yet")
        event = _POISONOUS[self.target]
        poisoned = msgspec.structs.replace(
            envelopes.decode(real),
            id=uuid.UUID(int=self.chance.getrandbits(128), version=4),
            type=event.TYPE,
            dataschema=envelopes.schema_urn(event),
            data=msgspec.Raw(b"{}"),
        )
        return envelopes.encode(poisoned)


def _recent(up: market.Market, service: str, *, most: int = _RECENT) -> Iterator[bytes]:
    """The newest sent events of a producer, as it said them."""
    query = (
        f"SELECT {wire.COLUMNS} FROM messaging_outboxevent"  # noqa: S608 - columns of our own
        " WHERE sent_at IS NOT NULL ORDER BY epoch DESC, position DESC LIMIT %s"
    )
    try:
        with psycopg.connect(up.superuser(service), connect_timeout=5) as connection:
            found = connection.execute(query.encode(), [most]).fetchall()
    except psycopg.OperationalError as error:
        raise base.Missed(f"its log cannot be read: {error}") from error
    for row in wire.rows(found):
        yield wire.said_by(registry.source_of(service), row)


def _say(up: market.Market, service: str, bodies: Sequence[bytes]) -> None:
    exchange = topology.exchange(service)
    up.wait_ready(*up.broker_processes)
    with _broker_errors(), contextlib.closing(connect.publisher(up.broker_url(service), service=service)) as publisher:
        publisher.publish(bodies, exchange=exchange, listeners=topology.listeners(exchange))


def _drained(up: market.Market, queue: topology.Queue) -> Iterable[port.Delivery]:
    up.wait_ready(*up.broker_processes)
    with (
        _broker_errors(),
        contextlib.closing(connect.subscriber(up.broker_url(queue.owner), queue=queue)) as subscriber,
    ):
        found: list[port.Delivery] = []
        while batch := subscriber.receive(limit=500, wait=0.5):
            found += batch
            subscriber.acknowledge(batch)
        return found


def _is_event(body: bytes) -> bool:
    """Whether it is a line of a log; what services ask of each other besides is asked again when it is lost."""
    try:
        envelopes.decode(body)
    except envelopes.Malformed:
        return False
    return True


@contextlib.contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except port.BrokerError as error:
        raise base.Missed(repr(error)) from error
