import datetime as dt

import pytest

from orders_service.orders import commands, models, queries
from shared import clock
from shared.contracts import payments, tickets
from shared.testing import deliveries, staff
from tests.contracts import samples
from tests.orders.factories import OrderFactory, TicketFactory

pytestmark = pytest.mark.django_db

WHY = "ordered by a script"
LIST = "orders/order/"
QUESTIONS = 6
"""Who is asking, the choices of two filters, how many there are (twice), and the rows."""


@pytest.fixture
def moderator(issuer):
    return staff.browser_of(issuer, "moderator")


class TestLooking:
    def test_finds_the_orders_of_a_buyer(self, moderator):
        order = OrderFactory(ticket_title="Hamlet, row F")
        OrderFactory(ticket_title="Macbeth, row A")

        page = moderator.look(LIST, q=str(order.user_id))

        assert "Hamlet" in page
        assert "Macbeth" not in page

    @pytest.mark.parametrize("count", [1, 20])
    def test_asks_as_many_questions_for_many_as_for_one(self, moderator, django_assert_num_queries, count):
        OrderFactory.create_batch(count)

        with django_assert_num_queries(QUESTIONS):
            moderator.look(LIST)


class TestCancelling:
    def test_frees_the_ticket_and_writes_down_who_and_why(self, moderator):
        order = OrderFactory(awaiting=True)

        page = staff.text_of(moderator.ask("cancel", order, reason=WHY))

        order.refresh_from_db()
        assert (order.status, order.reason) == ("cancelled", "cancelled_by_staff")
        assert deliveries.said() == [("order.cancelled", str(order.pk))]
        assert staff.deeds() == [("cancelled", WHY, str(order.pk))]
        assert "is cancelled." in page
        assert WHY in moderator.history_of(order)

    def test_of_a_paid_order_is_refused_and_not_written_down(self, moderator):
        order = OrderFactory(complete=True)

        page = staff.text_of(moderator.ask("cancel", order, reason=WHY))

        assert "An order that is Complete cannot be cancelled." in page
        assert (staff.deeds(), deliveries.said()) == ([], [])

    def test_is_undone_where_it_cannot_be_written_down(self, moderator, monkeypatch):
        order = OrderFactory(awaiting=True)

        def full(**_deed):
            raise OSError("the disk is full")

        monkeypatch.setattr(commands.actions, "record", full)
        moderator.client.raise_request_exception = False

        assert moderator.ask("cancel", order, reason=WHY).status_code == 500
        order.refresh_from_db()
        assert (order.status, deliveries.said()) == ("awaiting_payment", [])

    @pytest.mark.parametrize("role", staff.ROLES)
    def test_is_for_moderators_and_administrators(self, issuer, role):
        may = role in ("moderator", "admin")
        order, browser = OrderFactory(awaiting=True), staff.browser_of(issuer, role)

        assert browser.offered(order) == ({"cancel"} if may else set())
        browser.ask("cancel", order, reason=WHY)

        order.refresh_from_db()
        assert (order.status == "cancelled") is may


class TestTheTimeline:
    """Of an order across services: what orders has said and heard, each event a link to the log of who said it."""

    @pytest.fixture
    def order(self, db):
        """Placed, reserved, paid and captured, as the handlers of this service live through it."""
        ticket = TicketFactory()
        order = commands.place_order(
            ticket_id=ticket.id, user_id=samples.BRUNO, window=dt.timedelta(minutes=15), most_unpaid=10, now=clock.now()
        )
        paid = {"id": samples.PAYMENT, "order_id": order.id, "user_id": samples.BRUNO, "amount_minor": 1250}
        told = {"id": ticket.id, "order_id": order.id, "user_id": ticket.user_id, "amount_minor": 1250}
        deliveries.hear(
            samples.sample(tickets.TicketReserved, **told, status="reserved", version=1),
            samples.sample(payments.PaymentAuthorized, **paid, status="authorized", version=1),
            samples.sample(tickets.TicketSold, **told, status="sold", version=2),
            samples.sample(payments.PaymentCaptured, **paid, status="captured", version=2),
        )
        order.refresh_from_db()
        return order

    def test_tells_a_purchase_from_beginning_to_end(self, order):
        assert [(line.service, line.type) for line in queries.life_of(order)] == [
            ("orders", "order.created"),
            ("tickets", "ticket.reserved"),
            ("orders", "order.confirmed"),
            ("payments", "payment.authorized"),
            ("orders", "order.completed"),
            ("tickets", "ticket.sold"),
            ("payments", "payment.captured"),
        ]

    def test_links_each_event_to_the_log_of_who_said_it(self, moderator, order):
        page = moderator.look_at(order)

        for line in queries.life_of(order):
            assert f'/admin/{line.service}/messaging/outboxevent/?q={line.event_id}"' in page
        assert f"/admin/payments/payments/payment/?q={order.id}" in page

    def test_leaves_out_what_the_ticket_goes_through_once_another_order_has_claimed_it(self, order):
        released = samples.sample(
            tickets.TicketReleased, id=order.ticket_id, order_id=None, status="on_sale", version=9
        )
        deliveries.hear(released)
        assert "ticket.released" in [line.type for line in queries.life_of(order)]

        models.Order.objects.filter(id=order.id).update(created_at=clock.now() - dt.timedelta(hours=1))
        order.refresh_from_db()
        OrderFactory(ticket_id=order.ticket_id, created_at=clock.now() - dt.timedelta(minutes=30), cancelled=True)

        assert "ticket.released" not in [line.type for line in queries.life_of(order)]

    def test_costs_the_same_however_long_it_is(self, moderator, order, django_assert_num_queries):
        moderator.look_at(order)  # what the process remembers from its first page on
        with django_assert_num_queries(6):
            moderator.look_at(order)
        deliveries.hear(*[
            samples.sample(tickets.TicketUpdated, id=order.ticket_id, version=version) for version in range(10, 20)
        ])  # fmt: skip

        with django_assert_num_queries(6):
            moderator.look_at(order)
