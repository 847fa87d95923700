"""A publisher for tests without a broker: it keeps what it is given. And a relay that works off the outbox with it."""

from collections.abc import Sequence

from shared.contracts import envelope as envelopes
from shared.contracts import events, registry
from shared.messaging import leadership, relay, topology
from shared.messaging.brokers import port


class Post:
    """Keeps envelopes by exchange, in the order they were published. While `broken`, the broker is away."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, envelopes.Envelope]] = []
        self.broken = False

    def publish(self, bodies: Sequence[bytes], *, exchange: str, listeners: frozenset[str]) -> None:
        if self.broken:
            raise port.Away("no broker")
        self.sent += [(exchange, envelopes.decode(body)) for body in bodies]

    def tick(self) -> None:
        """There is no other side."""

    def close(self) -> None:
        """There is no connection."""

    def to(self, service: str) -> list[envelopes.Envelope]:
        """What was said to that service alone."""
        return [envelope for exchange, envelope in self.sent if exchange == topology.direct(service)]


def relay_all() -> Post:
    """Number and send everything in the outbox; what was sent. Needs transactions that are real."""
    post = Post()
    with leadership.connect("relay") as lead:
        lead.execute(relay.FIRST_LOG_ROW)
        while relay.relay_batch(lead, post):
            continue
    return post


def open(envelope: envelopes.Envelope) -> events.Event:
    """The event or notice in an envelope of a type that this release knows."""
    kind = registry.find(envelope.type, envelope.schema)
    assert kind, envelope.type
    return events.from_data(kind, envelope.data)
