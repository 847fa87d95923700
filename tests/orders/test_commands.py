"""What each command does, what it tells the others, and what it quietly lets be."""

import datetime as dt
import threading

import pytest
from django.db import connections, transaction

from orders_service.orders import commands, models, tasks
from shared import clock, ids
from shared.contracts import payments, tickets
from shared.messaging import models as messaging
from shared.testing import deliveries
from tests.contracts import samples
from tests.orders.factories import OrderFactory, TicketFactory

pytestmark = pytest.mark.django_db

WINDOW = dt.timedelta(minutes=15)
HOUR = dt.timedelta(hours=1)


def place(ticket, buyer, most_unpaid=10):
    return commands.place_order(
        ticket_id=ticket.id, user_id=buyer, window=WINDOW, most_unpaid=most_unpaid, now=clock.now()
    )


def complete(order, **changes):
    paid = {"payment_id": samples.PAYMENT, "amount_minor": 1250, "currency": "USD", "now": clock.now()}
    commands.complete_order(order_id=order.id, **{**paid, **changes})


def stored(order):
    return models.Order.objects.get(id=order.id)


def spoken():
    """What was said last: its type and data."""
    event = messaging.OutboxEvent.objects.latest("id")
    return event.type, event.data


class TestPlaceOrder:
    def test_tells_what_was_claimed_at_which_price(self):
        hamlet, bruno = TicketFactory(version=4), ids.new()

        order = place(hamlet, bruno)

        kind, data = spoken()
        assert kind == "order.created"
        claimed = {"ticketId": str(hamlet.id), "ticketVersion": 4, "amountMinor": 1250, "currency": "USD"}
        assert {name: data[name] for name in claimed} == claimed
        assert (data["id"], data["userId"], data["version"]) == (str(order.id), str(bruno), 0)

    def test_says_nothing_where_it_is_refused(self):
        hamlet = TicketFactory()
        place(hamlet, ids.new())

        with pytest.raises(models.TicketTaken):
            place(hamlet, ids.new())

        assert len(deliveries.said()) == 1

    def test_allows_the_last_reservation_and_not_one_more(self):
        bruno = ids.new()
        place(TicketFactory(), bruno, most_unpaid=2)
        place(TicketFactory(), bruno, most_unpaid=2)

        with pytest.raises(models.TooManyReservations, match="2 unpaid orders"):
            place(TicketFactory(), bruno, most_unpaid=2)


class TestConfirmOrder:
    def test_makes_it_payable(self):
        order = OrderFactory()

        commands.confirm_order(order_id=order.id)

        assert stored(order).status == "awaiting_payment"
        assert deliveries.said() == [("order.confirmed", str(order.id))]

    @pytest.mark.parametrize("past", ["awaiting", "complete", "cancelled", "expired", "refunded"])
    def test_lets_be_what_is_past_it(self, past):
        order = OrderFactory(**{past: True})

        commands.confirm_order(order_id=order.id)

        assert stored(order).version == order.version
        assert deliveries.said() == []

    def test_lets_be_what_nobody_knows(self):
        commands.confirm_order(order_id=ids.new())

        assert deliveries.said() == []


class TestRefuseOrder:
    @pytest.mark.parametrize("reason", ["price_changed", "withdrawn", "reserved", "sold", "unknown"])
    def test_cancels_it_for_that_reason(self, reason):
        OrderFactory(id=samples.ORDER)

        deliveries.hear(samples.sample(tickets.ReservationRefused, reason=reason))

        assert (stored(models.Order(id=samples.ORDER)).reason, spoken()[1]["reason"]) == (reason, reason)
        assert deliveries.said() == [("order.cancelled", str(samples.ORDER))]

    @pytest.mark.parametrize("past", ["awaiting", "complete", "cancelled", "expired", "refunded"])
    def test_lets_be_what_is_past_it(self, past):
        order = OrderFactory(**{past: True})

        commands.refuse_order(order_id=order.id, reason="reserved")

        assert stored(order).version == order.version
        assert deliveries.said() == []


class TestCompleteOrder:
    def test_names_the_payment(self):
        order = OrderFactory(awaiting=True)

        complete(order)

        assert (stored(order).status, stored(order).payment_id) == ("complete", samples.PAYMENT)
        assert spoken()[0] == "order.completed"
        assert spoken()[1]["paymentId"] == str(samples.PAYMENT)

    def test_by_the_same_payment_again_is_quiet(self):
        order = OrderFactory(awaiting=True)
        complete(order)

        complete(order)

        assert len(deliveries.said()) == 1

    @pytest.mark.parametrize(
        ("state", "reason"),
        [
            ({}, "wrong_state"),
            ({"complete": True}, "wrong_state"),
            ({"cancelled": True}, "wrong_state"),
            ({"expired": True}, "wrong_state"),
            ({"refunded": True}, "wrong_state"),
            ({"awaiting": True, "overdue": True}, "expired"),
        ],
    )
    def test_refuses_a_payment_that_comes_at_the_wrong_time(self, state, reason):
        order = OrderFactory(**state)

        complete(order)

        assert stored(order).version == order.version
        assert spoken() == (
            "order.payment_refused",
            {"orderId": str(order.id), "paymentId": str(samples.PAYMENT), "reason": reason},
        )

    @pytest.mark.parametrize("wrong", [{"amount_minor": 1249}, {"amount_minor": 1251}, {"currency": "EUR"}])
    def test_refuses_another_price_than_that_of_ordering(self, wrong):
        order = OrderFactory(awaiting=True)

        complete(order, **wrong)

        assert stored(order).status == "awaiting_payment"
        assert spoken()[1]["reason"] == "wrong_amount"

    def test_refuses_at_the_very_end_of_the_window(self):
        order = OrderFactory(awaiting=True)

        complete(order, now=order.expires_at)
        complete(order, now=order.expires_at - dt.timedelta(microseconds=1))

        assert [name for name, _ in deliveries.said()] == ["order.payment_refused", "order.completed"]


class TestRefundOrder:
    @pytest.mark.parametrize("gone", [payments.PaymentVoided, payments.PaymentFailed])
    def test_when_its_payment_is_gone_the_ticket_is_listed_again(self, gone):
        order = OrderFactory(id=samples.ORDER, complete=True, payment_id=samples.PAYMENT)

        deliveries.hear(samples.sample(gone, status="voided", version=2))

        assert (stored(order).status, stored(order).relist) == ("refunded", True)
        assert spoken()[0] == "order.refunded"

    @pytest.mark.parametrize(("said", "relist"), [(True, True), (False, False), (None, True)])
    def test_relists_as_the_refund_says(self, said, relist):
        order = OrderFactory(id=samples.ORDER, complete=True, payment_id=samples.PAYMENT)

        deliveries.hear(samples.sample(payments.PaymentRefunded, status="refunded", version=3, relist=said))

        assert stored(order).relist is relist

    def test_not_for_a_payment_that_did_not_complete_it(self):
        order = OrderFactory(id=samples.ORDER, complete=True)

        deliveries.hear(samples.sample(payments.PaymentVoided, status="voided", version=2))

        assert stored(order).status == "complete"
        assert deliveries.said() == []


class TestBans:
    @pytest.mark.parametrize("end", ["is_banned", "closes_the_account"])
    def test_cancel_what_is_unpaid_and_nothing_else(self, bruno, olivia, end):
        unpaid = [OrderFactory(user_id=bruno.id), OrderFactory(user_id=bruno.id, awaiting=True)]
        kept = [OrderFactory(user_id=bruno.id, complete=True), OrderFactory(user_id=olivia.id)]

        getattr(bruno.is_known(), end)()

        assert {stored(order).reason for order in unpaid} == {"buyer_barred"}
        assert [stored(order).status for order in kept] == ["complete", "created"]
        assert sorted(deliveries.said()) == sorted(("order.cancelled", str(order.id)) for order in unpaid)

    def test_of_a_seller_touch_no_order(self, olivia):
        order = OrderFactory(ticket_id=TicketFactory(user_id=olivia.id).id)

        olivia.is_banned()

        assert stored(order).status == "created"


class TestExpireOrders:
    def test_ends_only_what_is_overdue_and_unpaid(self):
        overdue = [OrderFactory(overdue=True), OrderFactory(overdue=True, awaiting=True)]
        kept = [
            OrderFactory(),
            OrderFactory(awaiting=True),
            *(OrderFactory(overdue=True, **{state: True}) for state in ("complete", "cancelled", "refunded")),
        ]

        tasks.expire_orders()

        assert {stored(order).status for order in overdue} == {"expired"}
        assert [stored(order).version for order in kept] == [order.version for order in kept]
        assert sorted(deliveries.said()) == sorted(("order.expired", str(order.id)) for order in overdue)

    def test_goes_by_the_databases_clock_at_the_moment_of_looking(self):
        # The transaction began before the window ended: now() would still be too early.
        order = OrderFactory(expires_at=clock.now())

        assert commands.expire_orders() == 1
        assert stored(order).status == "expired"

    def test_takes_the_longest_overdue_first_and_at_most_so_many(self):
        orders = [OrderFactory(overdue=True, created_at=clock.now() - age * HOUR) for age in (1, 3, 2)]

        assert commands.expire_orders(most=2) == 2
        assert [stored(order).status for order in orders] == ["created", "expired", "expired"]

    def test_comes_back_until_nothing_is_left(self):
        OrderFactory.create_batch(101, overdue=True)

        tasks.expire_orders()

        assert not models.Order.objects.unpaid().exists()


@pytest.mark.django_db(transaction=True)
def test_expiry_passes_over_a_row_that_somebody_holds():
    held, free = OrderFactory(overdue=True), OrderFactory(overdue=True)
    is_held, is_over = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            models.Order.objects.locked().get(id=held.id)
            is_held.set()
            is_over.wait(timeout=20)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(timeout=20)
    try:
        assert commands.expire_orders() == 1
    finally:
        is_over.set()
        holder.join(timeout=20)

    assert [stored(held).status, stored(free).status] == ["created", "expired"]
    assert commands.expire_orders() == 1
