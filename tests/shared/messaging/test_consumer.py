"""From a queue to an effect, whatever dies in between."""

import functools

import psycopg
import pytest
from django.db import OperationalError, connection

from shared.messaging import consumer, intake, leadership, models, topology
from shared.messaging.brokers import pgmq
from shared.testing import postgres, waiting
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")

TICKETS = {"exchange": "tickets.events", "listeners": topology.listeners("tickets.events")}
INBOX = next(queue for queue in topology.queues("orders") if queue.name == "orders.inbox")
consume = functools.partial(consumer.run, queue=INBOX)


def bodies(count, *, start=1):
    return [stage.body(stage.ticket(), position=place) for place in range(start, start + count)]


def effects():
    return len(stage.effects())


class TestConsuming:
    def test_applies_what_comes_and_acknowledges_it(self, broker, settings, running, publishing, subscribing):
        settings.BROKER_URL = broker.url("orders")
        performance = running(consume)

        publishing(broker, "tickets").publish(bodies(20), **TICKETS)

        waiting.until(lambda: effects() == 20)
        performance.end()
        assert subscribing(broker, "orders.inbox").receive(limit=1, wait=0.3) == []

    def test_survives_the_death_of_the_broker(self, mortal_broker, settings, running, publishing):
        broker, server = mortal_broker
        settings.BROKER_URL = broker.url("orders")
        performance = running(consume)
        publishing(broker, "tickets").publish(bodies(2), **TICKETS)
        waiting.until(lambda: effects() == 2)

        server.stop()
        waiting.until(lambda: "Away" in performance.status.text)
        assert performance.status.ready, "a broker that is away is no reason to restart the consumer"
        server.start()

        publishing(broker, "tickets").publish(bodies(2, start=3), **TICKETS)
        waiting.until(lambda: effects() == 4, seconds=30)

    def test_one_poison_does_not_hold_up_the_queue(self, embedded, settings, running, publishing):
        settings.BROKER_URL = embedded.url("orders")
        stage.refused.add("Macbeth")
        poison = stage.body(stage.ticket(title="Macbeth"), position=1)
        running(consume)

        publishing(embedded, "tickets").publish([poison, b"no json", *bodies(3, start=2)], **TICKETS)

        waiting.until(lambda: effects() == 3)
        waiting.until(lambda: models.ParkedMessage.objects.count() == 2)

    @pytest.mark.rabbitmq
    def test_a_queue_that_was_deleted_is_declared_again(self, rabbitmq_node, settings, running, publishing):
        settings.BROKER_URL = rabbitmq_node.url("orders")
        performance = running(consume)
        waiting.until(lambda: performance.status.text == "consuming")

        rabbitmq_node.drop("orders.inbox")

        waiting.until(lambda: published(publishing, rabbitmq_node, bodies(1)), seconds=10)
        waiting.until(lambda: effects() == 1, seconds=10)


class TestCrash:
    class Killed(BaseException):
        """The end of the process."""

    @pytest.mark.parametrize("broker", ["pgmq"], indirect=True)
    def test_between_commit_and_acknowledgement_has_no_second_effect(
        self, broker, settings, publishing, subscribing, running
    ):
        settings.BROKER_URL = broker.url("orders")
        publishing(broker, "tickets").publish([stage.body(stage.verdict())], **TICKETS)
        reader = subscribing(broker, "orders.inbox")
        intake.take(reader.receive(limit=9, wait=2), queue="orders.inbox")
        reader.close()
        assert effects() == 1

        running(consume)

        queue = pgmq.queue_name("orders.inbox")
        with broker.administration() as admin:
            waiting.until(lambda: admin.execute(f"SELECT count(*) FROM pgmq.q_{queue}").fetchone() == (0,))
        assert effects() == 1

    def test_before_the_commit_comes_again(self, broker, settings, publishing, subscribing, running):
        publishing(broker, "tickets").publish(bodies(3), **TICKETS)
        dying = subscribing(broker, "orders.inbox")
        waiting.until(lambda: dying.receive(limit=9, wait=0.5))
        dying.close()
        settings.BROKER_URL = broker.url("orders")

        running(consume)

        waiting.until(lambda: effects() == 3)


class TestLeadership:
    def test_one_consumes_and_a_spare_takes_over_within_two_seconds(self, embedded, settings, running):
        settings.BROKER_URL = embedded.url("orders")
        first, second = running(consume, name="first"), running(consume, name="second")
        waiting.until(lambda: {first.status.text, second.status.text} == {"consuming", "spare"})
        leader, spare = (first, second) if first.status.text == "consuming" else (second, first)

        leader.end()

        waiting.until(lambda: spare.status.text == "consuming", seconds=2)

    def test_each_queue_has_a_leader_of_its_own(self, embedded, settings, running):
        settings.BROKER_URL = embedded.url("orders")

        parts = [running(functools.partial(consumer.run, queue=queue)) for queue in topology.queues("orders")]

        waiting.until(lambda: [part.status.text for part in parts] == ["consuming", "consuming"])


class TestDatabaseAway:
    def test_waits_with_what_it_has_and_goes_on(self, embedded, settings, running, publishing, monkeypatch):
        """The connections of the consumer are cut at its first batch, and there are none for a while."""
        settings.BROKER_URL = embedded.url("orders")
        real, tries = intake.take, []

        def cut(deliveries, *, queue):
            tries.append(len(deliveries))
            if len(tries) < 3:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            real(deliveries, queue=queue)

        monkeypatch.setattr(intake, "take", cut)
        performance = running(consume)

        publishing(embedded, "tickets").publish(bodies(3), **TICKETS)

        waiting.until(lambda: effects() == 3, seconds=10)
        assert len(tries) >= 3
        assert not models.ParkedMessage.objects.exists()
        waiting.until(lambda: performance.status.text == "consuming")

    def test_a_batch_that_was_never_applied_is_left_to_the_next_reader(
        self, embedded, settings, running, publishing, monkeypatch
    ):
        settings.BROKER_URL = embedded.url("orders")

        def away(deliveries, *, queue):
            raise OperationalError("the server is starting up")

        with monkeypatch.context() as patch:
            patch.setattr(intake, "take", away)
            performance = running(consume)
            publishing(embedded, "tickets").publish(bodies(3), **TICKETS)
            waiting.until(lambda: performance.status.text.startswith("database away"))
            performance.end()

        running(consume)

        waiting.until(lambda: effects() == 3, seconds=10)

    def test_at_the_start_it_is_waited_for(self, embedded, settings, running, monkeypatch):
        settings.BROKER_URL = embedded.url("orders")
        nobody = postgres.free_port()
        with monkeypatch.context() as patch:
            patch.setattr(leadership, "connect", lambda _purpose: psycopg.connect(host="127.0.0.1", port=nobody))
            performance = running(consume)
            waiting.until(lambda: performance.status.text.startswith("database away"))
            assert not performance.status.ready

        waiting.until(lambda: performance.status.text == "consuming", seconds=10)


def published(publishing, broker, some):
    try:
        publishing(broker, "tickets").publish(some, **TICKETS)
    except consumer.port.BrokerError:
        return False
    return True
