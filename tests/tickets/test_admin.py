import pytest

from shared.contracts import orders
from shared.testing import deliveries, staff
from tests.contracts import samples
from tests.tickets.factories import TicketFactory

pytestmark = pytest.mark.django_db

WHY = "sold twice elsewhere"
LIST = "tickets/ticket/"
QUESTIONS = 6
"""Who is asking, the choices of two filters, how many there are (twice), and the rows."""


@pytest.fixture
def moderator(issuer):
    return staff.browser_of(issuer, "moderator")


class TestLooking:
    def test_finds_a_ticket_by_the_order_that_holds_it(self, moderator):
        held = TicketFactory(reserved=True, title="Hamlet, row F")
        TicketFactory(title="Macbeth, row A")

        page = moderator.look(LIST, q=str(held.order_id))

        assert "Hamlet" in page
        assert "Macbeth" not in page

    def test_asks_as_many_questions_for_twenty_as_for_two(self, moderator, django_assert_num_queries):
        TicketFactory.create_batch(2)
        with django_assert_num_queries(QUESTIONS):
            moderator.look(LIST)
        TicketFactory.create_batch(18)

        with django_assert_num_queries(QUESTIONS):
            moderator.look(LIST)

    def test_lets_nobody_edit_a_field(self, issuer):
        ticket, admin = TicketFactory(), staff.browser_of(issuer, "admin")

        assert 'name="title"' not in admin.look_at(ticket)
        assert admin.client.post(f"/admin/tickets/{LIST}{ticket.pk}/change/", {"title": "Mine"}).status_code == 403


class TestWithdrawing:
    def test_asks_why_before_anything_is_done(self, moderator):
        ticket = TicketFactory()

        page = staff.text_of(moderator.ask("take_down", ticket))

        ticket.refresh_from_db()
        assert 'name="reason"' in page
        assert ticket.status == "on_sale"

    def test_takes_the_ticket_off_the_market_tells_it_and_writes_down_who_and_why(self, moderator):
        ticket = TicketFactory()

        page = staff.text_of(moderator.ask("take_down", ticket, reason=WHY))

        ticket.refresh_from_db()
        assert (ticket.status, ticket.version) == ("withdrawn", 1)
        assert deliveries.said() == [("ticket.withdrawn", str(ticket.pk))]
        assert staff.deeds() == [("withdrawn", WHY, str(ticket.pk))]
        assert "is withdrawn." in page
        assert WHY in moderator.history_of(ticket)

    def test_of_what_is_reserved_is_refused_and_not_written_down(self, moderator):
        held = TicketFactory(reserved=True)

        page = staff.text_of(moderator.ask("take_down", held, reason=WHY))

        assert "The ticket is reserved." in page
        assert staff.deeds() == []

    @pytest.mark.parametrize("role", staff.ROLES)
    def test_is_for_moderators_and_administrators(self, issuer, role):
        may = role in ("moderator", "admin")
        ticket, browser = TicketFactory(), staff.browser_of(issuer, role)

        assert browser.offered(ticket) == ({"take_down"} if may else set())
        browser.ask("take_down", ticket, reason=WHY)

        ticket.refresh_from_db()
        assert (ticket.status == "withdrawn") is may


class TestTheTimeline:
    def test_tells_what_was_said_and_which_order_led_to_it(self, moderator):
        ticket = TicketFactory()
        order = samples.sample(
            orders.OrderCreated, ticket_id=ticket.id, amount_minor=ticket.amount_minor, currency=ticket.currency
        )
        deliveries.hear(order)

        page = moderator.look_at(ticket)

        created, reserved = page.index(">order.created<"), page.index(">ticket.reserved<")
        assert created < reserved
        assert f'/admin/orders/orders/order/?q={ticket.id}"' in page
