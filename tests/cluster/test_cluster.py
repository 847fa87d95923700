"""Three RabbitMQ nodes under a market: its leader dies, a node loses the others, and nothing that was said is lost."""

import contextlib

import amqp
import pytest

from deploy.chaos import history, market, plan, report, run
from deploy.local import cluster
from shared.messaging import topology
from shared.messaging.brokers import port, rabbitmq
from shared.testing import waiting

FAULTS = ("leader-kill", "partition")
QUORUM = {"x-queue-type": "quorum", "x-queue-leader-locator": "client-local"}
CLASSIC = {"x-queue-type": "classic", "x-queue-master-locator": "client-local"}
SAID = {"exchange": "control.events", "listeners": frozenset({"control.inbox"})}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def up():
    with market.running(broker="cluster", order_window=run.ORDER_WINDOW, small_disks=False) as started:
        yield started


@pytest.fixture(scope="module")
def done(up):
    """One strike of each kind, one after the other, while people trade."""
    nodes = [node.name for node in up.nodes]
    strikes = plan.draw(seed=11, seconds=1, faults=FAULTS, nodes=nodes, rounds=1)
    return run.hurt(up, seed=11, strikes=strikes, refused={}, log=history.History(), one_by_one=True)


class TestUnderTrade:
    def test_no_promise_is_broken(self, done):
        assert done.violations == [], report.text(done)

    def test_each_fault_strikes(self, done):
        assert done.faults == {fault: {"planned": 1, "struck": 1} for fault in FAULTS}, done.missed

    def test_the_broker_loses_nothing_with_a_leader(self, done):
        """Replay would heal that; nobody needs it."""
        assert done.asked_again["leader-kill"] == [0], report.text(done)

    def test_everything_is_heard_soon(self, done):
        assert max(done.longest["leader-kill"]) < 30, report.text(done)
        assert max(done.longest["partition"]) < 60, report.text(done)

    def test_people_go_on_buying(self, done):
        assert done.purchases >= 5
        assert done.writes["ok"] > done.writes.get("unknown", 0)


class TestNodes:
    @pytest.mark.parametrize("queue", [queue.name for queue in topology.all_queues()])
    def test_every_queue_is_kept_by_all_three(self, up, queue):
        assert cluster.members(up.home, up.nodes[0], queue) == cluster.names()


class TestWithoutOne:
    """The negative control beside it: what the market would be without quorum queues, and without a majority."""

    def test_a_queue_gives_what_a_classic_one_keeps_from_everybody(self, up):
        with _channel(up, 0) as channel:
            for name, arguments in (("control.quorum", QUORUM), ("control.classic", CLASSIC)):
                channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
                channel.basic_publish(amqp.Message(b"1", delivery_mode=2), routing_key=name)
        with _down(up, 0):
            assert waiting.until(lambda: _taken(up, 1, "control.quorum"), seconds=30) == b"1"
            with _channel(up, 1) as channel, pytest.raises(amqp.exceptions.NotFound, match="down or inaccessible"):
                channel.basic_get("control.classic", no_ack=True)

    def test_without_two_nothing_is_confirmed_until_one_is_back(self, up, monkeypatch):
        monkeypatch.setattr(rabbitmq, "_CONFIRM_SECONDS", 3)
        with _channel(up, 0) as channel:
            channel.exchange_declare("control.events", "fanout", durable=True, auto_delete=False)
            channel.queue_declare("control.inbox", durable=True, auto_delete=False, arguments=QUORUM)
            channel.queue_bind("control.inbox", "control.events")
        assert _is_confirmed(up)

        with _down(up, 0):
            waiting.until(lambda: _is_confirmed(up), seconds=60, what="a confirm of the other two")
            with _down(up, 1):
                assert not _is_confirmed(up)
            waiting.until(lambda: _is_confirmed(up), seconds=60, what="a confirm")


@contextlib.contextmanager
def _channel(up, place):
    """Of the administrator, at one node; what is published there is confirmed."""
    node = up.nodes[place]
    with amqp.Connection(
        f"{node.address}:5672",
        userid="admin",
        password=up.home.secret("broker.admin"),
        virtual_host=topology.VHOST,
        login_method="PLAIN",
        confirm_publish=True,
    ) as connection:
        yield connection.channel()


@contextlib.contextmanager
def _down(up, place):
    """A node killed, and kept down for the block."""
    name = up.nodes[place].name
    up.kill(name)
    up.stop(name)
    try:
        yield
    finally:
        up.start(name)


def _taken(up, place, queue):
    """The next message of a queue; None while it has none, or has no leader."""
    with contextlib.suppress(amqp.exceptions.InternalError), _channel(up, place) as channel:
        message = channel.basic_get(queue, no_ack=True)
        return message and message.body


def _is_confirmed(up):
    """Whether somebody who connects now can say something."""
    url = cluster.url(up.home, up.nodes, "admin")
    try:
        with contextlib.closing(rabbitmq.Publisher(url, exchange="control.events")) as publisher:
            publisher.publish([b"1"], **SAID)
    except port.BrokerError:
        return False
    return True
