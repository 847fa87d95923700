import pytest

from orders_service.orders import commands
from shared.testing import deliveries, staff
from tests.orders.factories import OrderFactory

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
