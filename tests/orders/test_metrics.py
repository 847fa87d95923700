"""What whoever watches over orders is told."""

import pytest

from orders_service.orders import metrics, tasks
from shared.messaging import metrics as messaging
from shared.testing import measures
from tests.orders.factories import OrderFactory

pytestmark = pytest.mark.django_db


def level(name, **labels):
    return measures.level(metrics.of_orders(), name, **labels)


class TestUnpaid:
    def test_are_counted_by_their_status(self):
        assert level("orders_unpaid", status="created") == level("orders_unpaid", status="awaiting_payment") == 0

        OrderFactory.create_batch(2, awaiting=True)
        OrderFactory()
        OrderFactory(complete=True)
        OrderFactory(expired=True)

        assert level("orders_unpaid", status="created") == 1
        assert level("orders_unpaid", status="awaiting_payment") == 2


class TestOverdue:
    def test_are_unpaid_orders_whose_window_is_over(self):
        OrderFactory()
        assert level("orders_overdue") == level("orders_oldest_overdue_seconds") == 0

        OrderFactory.create_batch(2, overdue=True)

        assert level("orders_overdue") == 2
        assert 2700 <= level("orders_oldest_overdue_seconds") < 2760  # an hour ago, with a window of a quarter

    def test_are_none_once_they_have_expired(self):
        OrderFactory(overdue=True)

        tasks.expire_orders()

        assert level("orders_overdue") == level("orders_oldest_overdue_seconds") == 0


def test_the_messaging_process_tells_it():
    assert measures.level(messaging.Levels().collect(), "orders_overdue") == 0
