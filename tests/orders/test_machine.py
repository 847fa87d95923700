"""An order's states: whatever is asked in whatever order, only what the contract draws can happen."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_service.orders import models
from shared import clock, errors, ids
from tests.orders.factories import OrderFactory

pytestmark = pytest.mark.django_db

DRAWN = {
    ("created", "confirm"): "awaiting_payment",
    ("created", "cancel"): "cancelled",
    ("created", "expire"): "expired",
    ("awaiting_payment", "cancel"): "cancelled",
    ("awaiting_payment", "expire"): "expired",
    ("awaiting_payment", "complete"): "complete",
    ("complete", "refund"): "refunded",
}


def put(order, ask):
    arguments = {
        "cancel": {"reason": "cancelled_by_buyer"},
        "complete": {"payment_id": ids.new(), "now": order.created_at},
        "refund": {"relist": True},
    }
    getattr(order, ask)(**arguments.get(ask, {}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["confirm", "cancel", "expire", "complete", "refund"]), max_size=8))
def test_moves_as_drawn_and_refuses_everything_else_without_a_trace(asked):
    with transaction.atomic():
        order, status, version = OrderFactory(), "created", 0
        for ask in asked:
            if (status, ask) in DRAWN:
                put(order, ask)
                status, version = DRAWN[status, ask], version + 1
            else:
                with pytest.raises(errors.Conflict):
                    put(order, ask)
            stored = models.Order.objects.get(id=order.id)
            assert (stored.status, stored.version) == (status, version)
        transaction.set_rollback(True)


class TestWindow:
    def test_takes_a_payment_until_its_last_moment(self):
        order = OrderFactory(awaiting=True)

        order.complete(ids.new(), now=order.expires_at - dt.timedelta(microseconds=1))

        assert order.status == "complete"

    @pytest.mark.parametrize("late", [dt.timedelta(0), dt.timedelta(days=1)])
    def test_takes_none_after_it(self, late):
        order = OrderFactory(awaiting=True)

        with pytest.raises(models.WindowOver):
            order.complete(ids.new(), now=order.expires_at + late)

        order.refresh_from_db()
        assert order.status == "awaiting_payment"


class TestDatabaseEvenWhenTheCodeIsWrong:
    @pytest.mark.parametrize("first", [{}, {"awaiting": True}, {"complete": True}], ids=str)
    @pytest.mark.parametrize("second", [{}, {"awaiting": True}, {"complete": True}], ids=str)
    def test_refuses_a_second_live_order_of_a_ticket(self, first, second):
        order = OrderFactory(**first)

        with pytest.raises(IntegrityError, match="one_live_order_per_ticket"), transaction.atomic():
            OrderFactory(ticket_id=order.ticket_id, **second)

    @pytest.mark.parametrize("ended", ["cancelled", "expired", "refunded"])
    def test_lets_a_ticket_be_ordered_again(self, ended):
        order = OrderFactory(**{ended: True})

        OrderFactory.build(ticket_id=order.ticket_id).place()

        assert models.Order.objects.live().filter(ticket_id=order.ticket_id).count() == 1

    @pytest.mark.parametrize("status", ["complete", "refunded"])
    def test_refuses_a_paid_order_without_a_payment(self, status):
        with pytest.raises(IntegrityError, match="names_its_payment"), transaction.atomic():
            OrderFactory(status=status)


def test_a_taken_ticket_is_a_conflict_and_no_accident():
    order = OrderFactory()

    with pytest.raises(models.TicketTaken), transaction.atomic():
        OrderFactory.build(ticket_id=order.ticket_id, created_at=clock.now(), expires_at=clock.now()).place()
