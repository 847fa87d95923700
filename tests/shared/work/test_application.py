"""The worker's application, as each service makes its own."""

import pytest
from celery.worker.consumer import Consumer
from kombu.utils.imports import symbol_by_name

from shared.work import application


@pytest.fixture
def told(settings):
    settings.CELERY_BROKER_URL = "amqp://orders@127.0.0.1:9/orders"
    return settings


def make():
    return application.make(periods={"orders.count_the_house": 7.0})


@pytest.mark.usefixtures("told")
class TestApplication:
    def test_a_task_message_is_worth_nothing_once_the_next_is_sent(self):
        (entry,) = make().conf.beat_schedule.values()

        assert entry == {"task": "orders.count_the_house", "schedule": 7.0, "options": {"expires": 7.0}}

    def test_a_task_whose_worker_dies_is_begun_again(self):
        conf = make().conf

        assert conf.task_acks_late
        assert conf.task_reject_on_worker_lost

    def test_the_queue_is_the_services_own_and_outlives_any_one_node(self):
        queues = make().amqp.queues

        assert {name: queue.queue_arguments for name, queue in queues.items()} == {
            "orders.work": {"x-queue-type": "quorum"}
        }

    def test_the_embedded_broker_is_found_at_its_own_address_whatever_database_the_service_has(self, told):
        told.CELERY_BROKER_URL = "pgmq://orders:secret@127.0.0.1:9/celery_orders"

        options = make().conf.broker_transport_options

        assert options["conn_string"] == "postgresql://orders:secret@127.0.0.1:9/celery_orders"

    def test_rabbitmq_needs_no_options(self):
        assert make().conf.broker_transport_options == {}

    def test_several_nodes_are_tried_in_turn(self, told):
        nodes = [f"amqp://orders:secret@{name}:5672/orders" for name in ("one", "two", "three")]
        told.CELERY_BROKER_URL = ";".join(nodes)

        with make().connection_for_write() as connection:
            seen = []
            for _ in range(4):
                seen.append(connection.hostname)
                connection.maybe_switch_next()

        assert seen == ["one", "two", "three", "one"]

    def test_a_connection_on_which_nothing_moves_is_given_up_like_those_of_events(self):
        assert make().conf.broker_heartbeat == 10

    def test_a_worker_builds_nothing_for_tasks_that_would_run_later(self):
        consumer = symbol_by_name(make().conf.worker_consumer)

        steps = consumer.Blueprint.default_steps

        assert "celery.worker.consumer.tasks:Tasks" in steps
        assert len(steps) == len(Consumer.Blueprint.default_steps) - 1
        assert not [step for step in steps if "delayed" in step]
