"""The port, kept by both brokers alike."""

import socket
import time

import pytest

from shared.messaging import topology
from shared.messaging.brokers import addresses, connect, pgmq, port, rabbitmq
from shared.testing import brokers, postgres, waiting

ORDERS = {"exchange": "orders.events", "listeners": topology.listeners("orders.events")}


def bodies(deliveries):
    return [delivery.body for delivery in deliveries]


def receive(subscriber, count):
    """`count` deliveries, or what has come of them after a while."""
    got = []
    waiting.until(
        lambda: got.extend(subscriber.receive(limit=100, wait=0.2)) or len(got) >= count, what=f"{count} messages"
    )
    return got


class TestPublishing:
    def test_reaches_every_listener_in_order(self, broker, publishing, subscribing):
        readers = [subscribing(broker, name) for name in ("tickets.inbox", "payments.inbox")]

        publishing(broker, "orders").publish([b'"act %d"' % act for act in range(5)], **ORDERS)

        for reader in readers:
            assert bodies(receive(reader, 5)) == [b'"act %d"' % act for act in range(5)]

    def test_keeps_every_byte(self, broker, publishing, subscribing):
        odd = '{"b": 1, "a": "\\u0000 Ödön \\ud83c\\udfad 🎭", "price": 12.50000000000000000001}'.encode()
        reader = subscribing(broker, "tickets.inbox")

        publishing(broker, "orders").publish([odd, b"no json"], **ORDERS)

        assert bodies(receive(reader, 2)) == [odd, b"no json"]

    def test_says_who_sent_it(self, broker, publishing, subscribing):
        reader = subscribing(broker, "tickets.inbox")

        publishing(broker, "orders").publish([b"{}"], **ORDERS)

        assert [delivery.sender for delivery in receive(reader, 1)] == ["orders"]

    def test_refuses_to_call_it_sent_when_no_queue_gets_it(self, broker, publishing):
        publisher = publishing(broker, "tickets")
        broker.drop("orders.inbox")

        with pytest.raises(port.Unroutable):
            publisher.publish([b"{}"], exchange="tickets.events", listeners=topology.listeners("tickets.events"))

    def test_sends_nothing_on_pgmq_when_one_of_two_queues_is_missing(self, embedded, publishing, subscribing):
        reader = subscribing(embedded, "tickets.inbox")
        publisher = publishing(embedded, "orders")
        embedded.drop("payments.inbox")

        with pytest.raises(port.Unroutable, match="payments_inbox"):
            publisher.publish([b"{}"], **ORDERS)

        assert reader.receive(limit=1, wait=0) == []

    def test_says_no_to_somebody_elses_exchange(self, broker, publishing):
        publisher = publishing(broker, "payments")

        with pytest.raises(port.Refused):
            publisher.publish([b"{}"], exchange="orders.events", listeners=frozenset({"tickets.inbox"}))

    @pytest.mark.rabbitmq
    def test_without_confirms_would_lose_without_a_word(self, rabbitmq_broker, publishing, monkeypatch):
        """The negative control: what the wait for confirms is good for."""
        rabbitmq_broker.reset()
        publisher = publishing(rabbitmq_broker, "orders")
        with rabbitmq_broker.administration() as channel:
            channel.exchange_delete("orders.events")
        monkeypatch.setattr(rabbitmq.Publisher, "_await_confirms", lambda self: None)

        publisher.publish([b"{}"], **ORDERS)
        monkeypatch.undo()

        with pytest.raises(port.BrokerError):
            publisher.publish([b"{}"], **ORDERS)

    @pytest.mark.rabbitmq
    def test_a_false_user_id_is_refused(self, rabbitmq_broker, publishing, monkeypatch):
        publisher = publishing(rabbitmq_broker, "orders")
        monkeypatch.setattr(publisher, "_user", "tickets")

        with pytest.raises(port.Refused, match="user_id"):
            publisher.publish([b"{}"], **ORDERS)

    def test_a_false_sender_is_overwritten_by_pgmq(self, embedded, subscribing):
        reader = subscribing(embedded, "tickets.inbox")
        forged = "INSERT INTO pgmq.q_tickets_inbox (vt, message, headers) VALUES (now(), '1', '{\"sender\": \"auth\"}')"

        with embedded.administration("orders") as connection:
            connection.execute(forged)

        assert [delivery.sender for delivery in receive(reader, 1)] == ["orders"]


class TestReceiving:
    def test_does_not_wait_for_more_than_is_there(self, broker, publishing, subscribing):
        reader = subscribing(broker, "tickets.inbox")
        publishing(broker, "orders").publish([b"1"], **ORDERS)
        began = time.monotonic()

        got = reader.receive(limit=100, wait=8)

        assert bodies(got) == [b"1"]
        assert time.monotonic() - began < 4

    def test_is_woken_by_a_message(self, broker, publishing, subscribing):
        reader = subscribing(broker, "tickets.inbox")
        publisher = publishing(broker, "orders")
        assert reader.receive(limit=1, wait=0.1) == []

        publisher.publish([b"1"], **ORDERS)

        assert bodies(reader.receive(limit=1, wait=8)) == [b"1"]

    def test_takes_no_more_than_it_may(self, broker, publishing, subscribing):
        reader = subscribing(broker, "tickets.inbox")
        publishing(broker, "orders").publish([b"1", b"2", b"3"], **ORDERS)

        first = waiting.until(lambda: reader.receive(limit=2, wait=0.5))
        rest = waiting.until(lambda: reader.receive(limit=2, wait=0.5))

        assert bodies([*first, *rest]) == [b"1", b"2", b"3"]
        assert len(first) <= 2

    def test_what_is_not_acknowledged_comes_back_to_the_next_reader(self, broker, publishing, subscribing):
        publishing(broker, "orders").publish([b"1", b"2", b"3"], **ORDERS)
        dying = subscribing(broker, "tickets.inbox")
        held = receive(dying, 3)
        dying.acknowledge(held[:2])
        dying.tick()

        dying.close()

        assert bodies(receive(subscribing(broker, "tickets.inbox"), 1)) == [b"3"]

    def test_what_a_stuck_reader_holds_shows_again_on_pgmq(self, embedded, publishing, subscribing, monkeypatch):
        monkeypatch.setattr(pgmq, "VISIBILITY_SECONDS", 1)
        publishing(embedded, "orders").publish([b"1"], **ORDERS)
        reader = subscribing(embedded, "tickets.inbox")

        assert bodies(receive(reader, 1)) == [b"1"]
        assert bodies(receive(reader, 1)) == [b"1"]

    def test_what_is_acknowledged_does_not(self, broker, publishing, subscribing):
        publishing(broker, "orders").publish([b"1"], **ORDERS)
        reader = subscribing(broker, "tickets.inbox")
        reader.acknowledge(receive(reader, 1))
        reader.tick()

        reader.close()

        assert subscribing(broker, "tickets.inbox").receive(limit=1, wait=0.5) == []

    def test_a_foreign_queue_cannot_be_read(self, broker):
        (_identity, inbox) = topology.queues("tickets")

        with pytest.raises(port.BrokerError):
            connect.subscriber(broker.url("payments"), queue=inbox).receive(limit=1, wait=0)


class TestTrouble:
    def test_messages_outlive_the_death_of_the_broker(self, mortal_broker, publishing, subscribing):
        broker, server = mortal_broker
        publisher, reader = publishing(broker, "orders"), subscribing(broker, "tickets.inbox")
        publisher.publish([b"1", b"2"], **ORDERS)

        server.stop()
        with pytest.raises(port.BrokerError):
            publisher.publish([b"3"], **ORDERS)
        with pytest.raises(port.Away):
            waiting.until(lambda: reader.receive(limit=5, wait=0.1) is None)
        with pytest.raises(port.Away):
            publishing(broker, "orders")
        server.start()

        again = waiting.until(lambda: reconnected(subscribing, broker, "tickets.inbox"), seconds=30)
        publishing(broker, "orders").publish([b"3"], **ORDERS)
        assert sorted(bodies(receive(again, 3))) == [b"1", b"2", b"3"]

    def test_notifies_after_a_crash_of_the_embedded_broker(self, publishing, subscribing):
        """pgmq's own trigger would not: its table of throttles is unlogged, and empty after a crash."""
        with postgres.server() as server:
            broker = brokers.Pgmq(server.url(database="").rstrip("/"))
            broker.install()
            server.stop(brokers.signal.SIGQUIT)
            server.start()
            reader = subscribing(broker, "tickets.inbox")
            reader.receive(limit=1, wait=0)

            publishing(broker, "orders").publish([b"1"], **ORDERS)

            assert bodies(reader.receive(limit=1, wait=8)) == [b"1"]

    @pytest.mark.parametrize(
        "url", ["amqp://orders:x@127.0.0.1:{port}/market", "pgmq://orders:x@127.0.0.1:{port}/broker"]
    )
    def test_nobody_there_is_away(self, url):
        with pytest.raises(port.Away):
            connect.publisher(url.format(port=postgres.free_port()), service="orders")

    def test_an_unknown_scheme_is_named(self):
        with pytest.raises(ValueError, match="not redis://"):
            connect.publisher("redis://127.0.0.1", service="orders")


@pytest.mark.rabbitmq
class TestSeveralNodes:
    """One address names them all; the same node under two names is enough to see which is taken."""

    @pytest.fixture(autouse=True)
    def _nothing_has_failed_yet(self, monkeypatch):
        monkeypatch.setattr(rabbitmq, "_addresses", addresses.Addresses())

    def test_a_dial_that_is_refused_is_made_elsewhere_at_once(self, rabbitmq_node, publishing, subscribing):
        node = Several(rabbitmq_node, nobody(), nobody())
        reader = subscribing(node, "tickets.inbox")
        began = time.monotonic()

        publishing(node, "orders").publish([b"1"], **ORDERS)

        assert bodies(receive(reader, 1)) == [b"1"]
        assert time.monotonic() - began < 3

    def test_one_that_nobody_answers_is_made_elsewhere_after_a_while(self, rabbitmq_node, publishing, monkeypatch):
        monkeypatch.setattr(rabbitmq, "_CONNECT_SECONDS", 0.5)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            mute = f"127.0.0.1:{silent.getsockname()[1]}"
            monkeypatch.setattr(
                addresses.random, "sample", lambda nodes, k: sorted(nodes, key=lambda one: mute not in one)
            )

            publishing(Several(rabbitmq_node, mute), "orders").publish([b"1"], **ORDERS)

    def test_nobody_at_any_address_is_away(self):
        url = ";".join(f"amqp://orders:x@{nobody()}/market" for _ in range(3))

        with pytest.raises(port.Away):
            connect.publisher(url, service="orders")

    def test_a_wrong_password_is_refused_by_the_first_who_is_asked(self, rabbitmq_node):
        url = f"amqp://orders:wrong@127.0.0.1:{rabbitmq_node.port}/market"

        with pytest.raises(port.Refused):
            connect.publisher(f"{url};{url}", service="orders")

    def test_a_node_that_delivers_nothing_is_left_for_another(self, rabbitmq_node, subscribing, monkeypatch):
        node = Several(rabbitmq_node, f"localhost:{rabbitmq_node.port}")
        first = subscribing(node, "tickets.inbox")
        monkeypatch.setattr(rabbitmq, "_DEAF_SECONDS", 0.5)

        assert first.receive(limit=1, wait=0.1) == []
        with pytest.raises(port.Away, match="nothing has come"):
            first.receive(limit=1, wait=0.6)

        assert all(subscribing(node, "tickets.inbox")._node != first._node for _ in range(10))

    def test_where_silence_is_the_rule_it_is_believed(self, rabbitmq_node, subscribing, monkeypatch):
        """Auth listens to nobody: its inbox is only for what others ask of it."""
        monkeypatch.setattr(rabbitmq, "_DEAF_SECONDS", 0.1)

        assert subscribing(rabbitmq_node, "auth.inbox").receive(limit=1, wait=0.5) == []

    def test_a_node_that_confirms_nothing_is_left_for_another(self, rabbitmq_node, publishing, monkeypatch):
        """As one in the minority does: its connections stand, and what it is told is never safe."""
        node = Several(rabbitmq_node, f"localhost:{rabbitmq_node.port}")
        first = publishing(node, "orders")
        monkeypatch.setattr(rabbitmq, "_CONFIRM_SECONDS", 0)

        with pytest.raises(port.Unconfirmed):
            first.publish([b"1"], **ORDERS)

        assert all(publishing(node, "orders")._node != first._node for _ in range(10))


class TestInstall:
    def test_may_be_repeated_and_keeps_what_waits(self, embedded, publishing, subscribing):
        publishing(embedded, "orders").publish([b"1"], **ORDERS)

        pgmq.install(embedded.superuser_url, brokers.PASSWORDS)

        assert bodies(receive(subscribing(embedded, "tickets.inbox"), 1)) == [b"1"]


def reconnected(subscribing, broker, queue):
    try:
        return subscribing(broker, queue)
    except port.BrokerError:
        return None


class Several:
    """A broker by more addresses than its own; each is `host:port`."""

    def __init__(self, broker, *others):
        self._broker, self._others = broker, others

    def url(self, user):
        own = self._broker.url(user)
        place = f"{self._broker.host}:{self._broker.port}"
        return ";".join([*(own.replace(place, other) for other in self._others), own])


def nobody():
    return f"127.0.0.1:{postgres.free_port()}"
