"""Which broker it is, by the scheme of BROKER_URL."""

from shared.messaging import topology
from shared.messaging.brokers import pgmq, port, rabbitmq


def publisher(url: str, *, service: str) -> port.Publisher:
    """A connected publisher for what `service` says. Raises BrokerError; ValueError for an unknown scheme."""
    if _scheme(url) == "pgmq":
        return pgmq.Publisher(url)
    return rabbitmq.Publisher(url, exchange=topology.exchange(service))


def subscriber(url: str, *, queue: topology.Queue) -> port.Subscriber:
    """A connected reader of `queue`. Raises BrokerError; ValueError for an unknown scheme."""
    if _scheme(url) == "pgmq":
        return pgmq.Subscriber(url, queue=queue.name)
    return rabbitmq.Subscriber(url, queue=queue)


def _scheme(url: str) -> str:
    scheme = url.partition("://")[0]
    if scheme not in ("amqp", "amqps", "pgmq"):
        raise ValueError(f"BROKER_URL has to begin with amqp://, amqps:// or pgmq://, not {scheme}://")
    return scheme
