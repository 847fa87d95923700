import datetime as dt

import pytest

from payments_service.payments import models
from payments_service.payments.providers import port, sandbox
from shared import clock
from shared.contracts import orders
from shared.testing import deliveries, staff
from tests.contracts import samples
from tests.payments.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db(transaction=True)

WHY = "the buyer rang"
LIST = "payments/payment/"
QUESTIONS = 5
"""Who is asking, the choices of a filter, how many there are (twice), and the rows."""


@pytest.fixture
def finance(issuer):
    return staff.browser_of(issuer, "finance")


def long_ago():
    return clock.now() - dt.timedelta(minutes=1)


def authorized(decision=""):
    """A payment that the provider has promised."""
    payment = PaymentFactory(status="authorized", decision=decision, version=1)
    sandbox.Sandbox().authorize(
        payment_id=payment.id, amount_minor=payment.amount_minor, currency=payment.currency, token=payment.token
    )
    return payment


def status_of(payment):
    return models.Payment.objects.get(id=payment.id).status


class TestLooking:
    def test_finds_the_payments_of_an_order_and_shows_no_card(self, finance):
        order = OrderFactory()
        payment = PaymentFactory(order=order, token="tok_of_bruno")
        other = PaymentFactory()

        page = finance.look(LIST, q=str(order.id)) + finance.look_at(payment)

        assert str(payment.id) in page
        assert str(other.id) not in page
        assert "tok_of_bruno" not in page

    def test_shows_the_books_of_the_provider(self, finance):
        payment = authorized()

        assert "Authorized" in finance.look("payments/sandboxentry/", q=str(payment.id))

    @pytest.mark.parametrize("count", [1, 20])
    def test_asks_as_many_questions_for_many_as_for_one(self, finance, django_assert_num_queries, count):
        PaymentFactory.create_batch(count)

        with django_assert_num_queries(QUESTIONS):
            finance.look(LIST)


class TestLookingUp:
    def test_records_what_the_provider_has_done(self, finance):
        payment = authorized()
        models.Payment.objects.update(status="unknown")

        finance.ask("look_up", payment, reason=WHY)

        assert status_of(payment) == "authorized"
        assert deliveries.said() == [("payment.authorized", str(payment.id))]
        assert staff.deeds() == [("looked up", WHY, str(payment.id))]

    def test_is_refused_while_the_provider_is_being_asked(self, finance):
        payment = PaymentFactory()

        page = staff.text_of(finance.ask("look_up", payment, reason=WHY))

        assert "is being asked at the moment" in page
        assert (status_of(payment), staff.deeds()) == ("requested", [])

    def test_bars_a_payment_that_never_arrived(self, finance):
        payment = PaymentFactory(created_at=long_ago())

        finance.ask("look_up", payment, reason=WHY)

        assert status_of(payment) == "declined"

    def test_of_what_is_answered_is_refused(self, finance):
        payment = authorized()

        page = staff.text_of(finance.ask("look_up", payment, reason=WHY))

        assert "A payment that is authorized cannot be looked up." in page

    def test_without_an_answer_says_so_and_stays_written_down(self, finance, monkeypatch):
        payment = PaymentFactory(status="unknown", created_at=long_ago())
        monkeypatch.setattr(sandbox.Sandbox, "look_up", silent)

        page = staff.text_of(finance.ask("look_up", payment, reason=WHY))

        assert "The provider gave no answer." in page
        assert (status_of(payment), len(staff.deeds())) == ("unknown", 1)


def silent(_provider, *, payment_id):
    raise port.NoAnswer("the line is dead")


class TestCapturingAgain:
    def test_takes_the_money_that_an_order_was_completed_with(self, finance):
        payment = authorized(decision="capture")

        finance.ask("capture_again", payment, reason=WHY)

        assert status_of(payment) == "captured"
        assert deliveries.said() == [("payment.captured", str(payment.id))]
        assert staff.deeds() == [("told to be captured", WHY, str(payment.id))]

    @pytest.mark.parametrize(
        ("decision", "told"), [("", "not decided about"), ("void", "that is to be voided")], ids=["open", "void"]
    )
    def test_takes_no_other_money(self, finance, decision, told):
        payment = authorized(decision=decision)

        page = staff.text_of(finance.ask("capture_again", payment, reason=WHY))

        assert f"A payment {told} cannot be captured." in page
        assert (status_of(payment), staff.deeds()) == ("authorized", [])

    def test_says_that_the_provider_is_silent(self, finance, monkeypatch):
        payment = authorized(decision="capture")
        monkeypatch.setattr(sandbox.Sandbox, "capture", silent)

        assert "The provider gave no answer." in staff.text_of(finance.ask("capture_again", payment, reason=WHY))
        assert status_of(payment) == "authorized"


class TestVoiding:
    @pytest.mark.parametrize("decision", ["", "void"], ids=["open", "void"])
    def test_lets_the_money_go(self, finance, decision):
        payment = authorized(decision=decision)

        finance.ask("void", payment, reason=WHY)

        assert status_of(payment) == "voided"
        assert deliveries.said() == [("payment.voided", str(payment.id))]
        assert staff.deeds() == [("told to be voided", WHY, str(payment.id))]

    def test_not_where_an_order_was_completed_with_it(self, finance):
        payment = authorized(decision="capture")

        page = staff.text_of(finance.ask("void", payment, reason=WHY))

        assert "A payment that is to be captured cannot be voided." in page
        assert status_of(payment) == "authorized"

    def test_not_where_it_is_captured(self, finance):
        payment = PaymentFactory(status="captured")

        assert "that is captured cannot be" in staff.text_of(finance.ask("void", payment, reason=WHY))


class TestRights:
    @pytest.mark.parametrize("role", staff.ROLES)
    def test_are_those_of_finance_and_administrators(self, issuer, role):
        may = role in ("finance", "admin")
        payment, browser = authorized(), staff.browser_of(issuer, role)

        assert browser.offered(payment) == ({"look_up", "capture_again", "void"} if may else set())
        browser.ask("void", payment, reason=WHY)

        assert (status_of(payment) == "voided") is may


class TestTheTimeline:
    def test_tells_what_was_heard_of_the_order_and_said_of_the_payment(self, finance):
        payment = authorized()
        paid = {"id": payment.order_id, "status": "complete", "payment_id": payment.id, "version": 2}
        deliveries.hear(samples.sample(orders.OrderCompleted, **paid))
        finance.ask("capture_again", payment, reason=WHY)

        page = finance.look_at(payment)

        assert page.index(">order.completed<") < page.index(">payment.captured<")
        assert f'/admin/orders/orders/order/{payment.order_id}/change/"' in page
