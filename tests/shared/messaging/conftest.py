import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from shared.messaging import topology
from shared.messaging.brokers import connect, port
from shared.messaging.crew import Duty
from shared.messaging.health import Status
from shared.testing import brokers, postgres
from tests.shared.messaging import stage

Broker = brokers.RabbitMQ | brokers.Pgmq


@pytest.fixture(scope="session")
def pgmq_broker() -> brokers.Pgmq:
    broker = brokers.Pgmq(os.environ["TEST_POSTGRES_URL"], f"broker_{os.getpid()}")
    broker.install()
    return broker


@pytest.fixture(scope="session")
def rabbitmq_broker() -> Iterator[brokers.RabbitMQ]:
    with brokers.rabbitmq() as node:
        yield node


@pytest.fixture
def rabbitmq_node(rabbitmq_broker: brokers.RabbitMQ) -> brokers.RabbitMQ:
    """For what only RabbitMQ has; mark the test so."""
    rabbitmq_broker.reset()
    return rabbitmq_broker


both_brokers = ["pgmq", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)]


@pytest.fixture(params=both_brokers)
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn, its queues empty."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    found.reset()
    return found


@pytest.fixture
def embedded(pgmq_broker: brokers.Pgmq) -> brokers.Pgmq:
    """For tests in which the broker does not matter: the one that starts in no time."""
    pgmq_broker.reset()
    return pgmq_broker


@pytest.fixture(params=both_brokers)
def mortal_broker(request: pytest.FixtureRequest) -> Iterator[tuple[Broker, postgres.Server | brokers.PrivateRabbitMQ]]:
    """Each broker in turn, and the server of it that the test may end and start again."""
    with contextlib.ExitStack() as stack:
        if request.param == "pgmq":
            server = stack.enter_context(postgres.server())
            embedded = brokers.Pgmq(server.url(database="").rstrip("/"))
            embedded.install()
            yield embedded, server
        else:
            node = stack.enter_context(brokers.private_rabbitmq())
            yield node, node


@pytest.fixture
def publishing() -> Iterator[Callable[[Broker, str], port.Publisher]]:
    """`publishing(broker, "orders")`: a connected publisher of that service."""
    with contextlib.ExitStack() as stack:

        def publisher(broker: Broker, service: str) -> port.Publisher:
            made = connect.publisher(broker.url(service), service=service)
            return stack.enter_context(contextlib.closing(made))

        yield publisher


@pytest.fixture
def subscribing() -> Iterator[Callable[[Broker, str], port.Subscriber]]:
    """`subscribing(broker, "orders.inbox")`: a connected reader of that queue."""
    with contextlib.ExitStack() as stack:

        def subscriber(broker: Broker, name: str) -> port.Subscriber:
            queue = next(queue for queue in topology.all_queues() if queue.name == name)
            made = connect.subscriber(broker.url(queue.owner), queue=queue)
            return stack.enter_context(contextlib.closing(made))

        yield subscriber


@pytest.fixture
def on_stage(transactional_db: None, settings: object) -> None:
    """A database in which transactions are real, and the handlers of `stage` for whatever is heard."""
    settings.MESSAGING_HANDLERS = ["tests.shared.messaging.stage"]  # type: ignore[attr-defined]
    stage.prepare()


class Performance:
    """A duty at work in a thread."""

    def __init__(self, duty: Duty, name: str) -> None:
        self.status = Status(name)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=partial(duty, self._stop, status=self.status), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(timeout=20)
        assert not self._thread.is_alive(), f"{self.status.name} did not end: {self.status.text}"


@pytest.fixture
def running() -> Iterator[Callable[..., Performance]]:
    """`running(relay.run)`: the duty in a thread until the end of the test, or until `.end()`."""
    started: list[Performance] = []

    def run(duty: Duty, *, name: str = "duty") -> Performance:
        started.append(Performance(duty, name))
        return started[-1]

    yield run
    for performance in started:
        performance.end()
