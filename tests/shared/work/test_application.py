"""The worker's application, as each service makes its own."""

import pytest

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

    def test_the_queue_is_the_services_own(self):
        assert make().conf.task_default_queue == "orders.tasks"

    def test_the_embedded_broker_is_found_at_its_own_address_whatever_database_the_service_has(self, told):
        told.CELERY_BROKER_URL = "pgmq://orders:secret@127.0.0.1:9/celery_orders"

        options = make().conf.broker_transport_options

        assert options["conn_string"] == "postgresql://orders:secret@127.0.0.1:9/celery_orders"

    def test_rabbitmq_needs_no_options(self):
        assert make().conf.broker_transport_options == {}
