"""What the relay and the consumer ask of a broker. Bytes in, bytes out; no broker knows what an event is.

A publisher or subscriber is connected from its making to its `close()`, belongs to one thread, and is of no
use after it has raised: its user closes it, waits a little and makes another.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol


class BrokerError(Exception):
    """The broker did not do what was asked; nothing is known of the messages at hand."""


class Away(BrokerError):
    """It cannot be reached, or the connection was lost."""


class Refused(BrokerError):
    """It answered no: a permission, a name or a property is wrong."""


class Unconfirmed(BrokerError):
    """It did not say in time, or said it cannot, that it has the messages safe."""


class Unroutable(BrokerError):
    """A queue that has to get the messages does not exist or is not bound."""


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A message as it came: its bytes, the broker's word for who sent it, and the broker's handle for it."""

    body: bytes
    sender: str | None
    handle: int


class Publisher(Protocol):
    def publish(self, bodies: Sequence[bytes], *, exchange: str, listeners: frozenset[str]) -> None:
        """Put the messages, in this order, into all queues bound to `exchange`; return when they are safe.

        `listeners`: the queues that must be among them. Raises BrokerError; then any of the messages may have
        arrived or not, and all of them have to be published again.
        """

    def tick(self) -> None:
        """To be called about every second while idle, so that either side notices when the other is gone."""

    def close(self) -> None:
        """Give the connection back; never raises."""


class Subscriber(Protocol):
    def receive(self, *, limit: int, wait: float) -> list[Delivery]:
        """What is there, oldest first, at most `limit`; waits up to `wait` seconds for the first only.

        Raises BrokerError.
        """

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Done with these: they are not delivered again. Raises BrokerError, after which they may be."""

    def tick(self) -> None:
        """To be called about every second while not receiving. Raises BrokerError."""

    def close(self) -> None:
        """Give the connection back, and with it all that is not acknowledged; never raises."""
