"""RabbitMQ, spoken to with py-amqp, the library under kombu: kombu can only confirm message by message.

https://www.rabbitmq.com/docs/confirms
"""

import contextlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, cast

import amqp
from kombu.utils import url as urls

from shared.messaging import topology
from shared.messaging.brokers import port
from shared.messaging.brokers.addresses import Addresses

_CONFIRM_SECONDS = 10
_CONNECT_SECONDS = 3
_STALLED_SECONDS = 10
_HEARTBEAT_SECONDS = 10
_DEAF_SECONDS = 75  # every relay says how far its log reaches every 30 s at least
_PREFETCH = 1000
_PERSISTENT = 2
_AT_ONCE = 0.001  # seconds; with 0 py-amqp would spin while half a frame is there

_addresses = Addresses()


class Publisher:
    """Publishes a batch, then waits once for the confirms of all of it."""

    def __init__(self, url: str, *, exchange: str) -> None:
        self._node, self._connection = _connect(url)
        self._user = urls.parse_url(self._node)["userid"]
        self._last = 0
        self._unconfirmed: set[int] = set()
        self._refused = False
        self._returned: str | None = None
        try:
            with _errors(self._node):
                self._prepare(exchange)
        except port.BrokerError:
            self.close()
            raise

    def _prepare(self, exchange: str) -> None:
        self._channel = cast("Any", self._connection.channel())  # the published stubs know no events
        self._channel.exchange_declare(exchange, "fanout", durable=True, auto_delete=False)
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)

    def publish(self, bodies: Sequence[bytes], *, exchange: str, listeners: frozenset[str]) -> None:
        with _errors(self._node):
            for body in bodies:
                self._last += 1
                self._unconfirmed.add(self._last)
                self._channel.basic_publish(
                    self._message(body), exchange, mandatory=bool(listeners), timeout=_STALLED_SECONDS
                )
            self._await_confirms()
        if self._returned:
            raise port.Unroutable(self._returned)

    def _message(self, body: bytes) -> amqp.Message:
        return amqp.Message(body, delivery_mode=_PERSISTENT, user_id=self._user, content_type="application/json")

    def _await_confirms(self) -> None:
        deadline = time.monotonic() + _CONFIRM_SECONDS
        while self._unconfirmed and not self._refused:
            if (left := deadline - time.monotonic()) <= 0:
                raise port.Unconfirmed(f"{len(self._unconfirmed)} not confirmed in {_CONFIRM_SECONDS} s")
            _read(self._connection, timeout=left)
        if self._refused:
            raise port.Unconfirmed("the broker could not take a message")

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._unconfirmed -= {one for one in self._unconfirmed if one <= tag} if multiple else {tag}

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused = True

    def _on_return(self, error: object, exchange: str, routing_key: str, message: amqp.Message) -> None:
        self._returned = f"{exchange} has no queue"

    def tick(self) -> None:
        with _errors(self._node):
            _read_what_is_there(self._connection)
            self._connection.heartbeat_tick()

    def close(self) -> None:
        _close(self._connection)


class Subscriber:
    """Consumes one queue, which it declares and binds itself: the service owns it."""

    def __init__(self, url: str, *, queue: topology.Queue) -> None:
        self._waiting: deque[port.Delivery] = deque()
        self._is_told = any(source != topology.direct(queue.owner) for source in queue.exchanges)
        self._node, self._connection = _connect(url)
        try:
            with _errors(self._node):
                self._prepare(queue)
        except port.BrokerError:
            self.close()
            raise

    def _prepare(self, queue: topology.Queue) -> None:
        self._channel = self._connection.channel()
        arguments = dict(topology.QUEUE_ARGUMENTS)
        self._channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=arguments)
        for source in queue.exchanges:
            if source == topology.direct(queue.owner):
                self._channel.exchange_declare(source, "fanout", durable=True, auto_delete=False)
            self._channel.queue_bind(queue.name, source)
        self._channel.basic_qos(0, _PREFETCH, False)
        self._channel.basic_consume(queue.name, callback=self._on_message)
        self._heard_at = time.monotonic()

    def _on_message(self, message: amqp.Message) -> None:
        body = message.body if isinstance(message.body, bytes) else message.body.encode()
        sender = message.properties.get("user_id")
        self._waiting.append(port.Delivery(body, sender, message.delivery_info["delivery_tag"]))

    def receive(self, *, limit: int, wait: float) -> list[port.Delivery]:
        with _errors(self._node):
            deadline = time.monotonic() + wait
            while not self._waiting and (left := deadline - time.monotonic()) > 0:
                _read(self._connection, timeout=left)
            while len(self._waiting) < limit and _read(self._connection):
                pass
            self._connection.heartbeat_tick()
            self._doubt_silence()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def _doubt_silence(self) -> None:
        """A node that has lost its peers keeps its connections, unless it pauses itself, and has nothing to deliver."""
        now = time.monotonic()
        if self._waiting:
            self._heard_at = now
        elif self._is_told and now - self._heard_at > _DEAF_SECONDS:
            raise port.Away(f"nothing has come for {_DEAF_SECONDS} s, not even how far the logs reach")

    def acknowledge(self, deliveries: Sequence[port.Delivery]) -> None:
        """All at once: they were handed out in the order of the tags, and a batch is done with as a whole."""
        with _errors(self._node):
            self._channel.basic_ack(max(delivery.handle for delivery in deliveries), multiple=True)

    def tick(self) -> None:
        with _errors(self._node):
            _read_what_is_there(self._connection)
            self._connection.heartbeat_tick()

    def close(self) -> None:
        _close(self._connection)


def _connect(url: str) -> tuple[str, amqp.Connection]:
    """A connection to a node that answers, and the address of that node. Raises Away when none does, Refused."""
    away = port.Away("no address")
    for node in _addresses.to_try(url):
        try:
            return node, _dial(node)
        except port.Away as error:
            away = error
    raise away


def _dial(node: str) -> amqp.Connection:
    parts = urls.parse_url(node)
    connection = amqp.Connection(
        host=f"{parts['hostname']}:{parts['port'] or 5672}",
        userid=parts["userid"],
        password=parts["password"],
        virtual_host=parts["virtual_host"] or "/",
        ssl=parts["transport"] == "amqps",
        login_method="PLAIN",
        heartbeat=_HEARTBEAT_SECONDS,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_STALLED_SECONDS,
        write_timeout=_STALLED_SECONDS,
    )
    # py-amqp would look for `connection.blocked` before each publish, and spin for ever on half a frame.
    # A broker that takes nothing in shows in the missing confirms as well.
    connection.negotiate_capabilities = {"consumer_cancel_notify": True, "authentication_failure_close": True}
    try:
        with _errors(node):
            connection.connect()
    except port.BrokerError:
        _close(connection)
        raise
    return connection


def _read(connection: amqp.Connection, *, timeout: float = _AT_ONCE) -> bool:
    """Take one frame in; False when none has come for `timeout` seconds.

    Not `drain_events`, whose timeout begins afresh with every heartbeat of the broker.
    """
    try:
        connection.blocking_read(timeout)
    except TimeoutError:
        return False
    return True


def _read_what_is_there(connection: amqp.Connection) -> None:
    while _read(connection):
        pass


def _close(connection: amqp.Connection) -> None:
    """End the connection without the closing handshake, which may hang on a broker that is half gone."""
    with contextlib.suppress(Exception):
        connection.collect()


@contextlib.contextmanager
def _errors(node: str) -> Iterator[None]:
    """What goes wrong with a node as a BrokerError; the next connection prefers the others."""
    try:
        yield
    except port.BrokerError:
        _addresses.failed(node)
        raise
    except (amqp.exceptions.ChannelError, amqp.exceptions.AccessRefused) as error:
        _addresses.failed(node)
        raise port.Refused(str(error)) from error
    except (amqp.exceptions.AMQPError, OSError, EOFError) as error:
        _addresses.failed(node)
        raise port.Away(str(error) or type(error).__name__) from error
