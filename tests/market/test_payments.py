"""Money: asked for once, taken only for an order that is complete, let go in every other case."""

import pytest

from tests.market import people


class TestPaying:
    def test_completes_the_order_and_takes_the_money(self, olivia, bruno, behind):
        ticket = olivia.offers(price=12.5)
        order = bruno.has_ordered(ticket)

        payment = bruno.has_paid(order)

        assert payment == {
            "id": payment["id"],
            "orderId": order["id"],
            "status": "authorized",
            "amount": 12.5,
            "currency": "USD",
        }
        bruno.sees_order(order, "complete")
        olivia.sees_ticket(ticket, "sold")
        captured = bruno.sees_payment(payment, "captured")
        assert bruno.lists("payments") == [captured]
        assert behind.books(payment) == ["authorized", "captured"]

    def test_in_another_currency_counts_in_that_currency(self, olivia, bruno, behind):
        order = bruno.has_ordered(olivia.offers(price=2500, currency="JPY"))

        payment = bruno.has_paid(order)

        assert (payment["amount"], payment["currency"]) == (2500, "JPY")
        query = "SELECT DISTINCT amount_minor, currency FROM payments_sandboxentry WHERE payment_id = %s"
        assert behind.run("payments", query, payment["id"]) == [{"amount_minor": 2500, "currency": "JPY"}]

    def test_with_a_declined_card_leaves_the_order_to_be_paid_with_another(self, olivia, bruno, behind):
        order = bruno.has_ordered(olivia.offers())

        people.assert_refused(bruno.pays(order, "tok_chargeDeclined"), 402)

        assert bruno.sees_order(order, "awaiting_payment")
        bruno.has_paid(order)
        bruno.sees_order(order, "complete")
        assert sorted(payment["status"] for payment in bruno.lists("payments"))[-1] == "declined"

    def test_is_for_the_buyer_alone(self, olivia, bruno, carla):
        order = bruno.has_ordered(olivia.offers())
        payment = bruno.has_paid(order)

        people.assert_refused(carla.http.get(f"/api/payments/{payment['id']}"), 404)
        assert carla.lists("payments") == []


class TestPaid:
    def test_cannot_be_cancelled(self, olivia, bruno):
        ticket = olivia.offers()
        order = bruno.has_bought(ticket)

        people.assert_refused(bruno.cancels(order), 409)

        assert bruno.sees_order(order, "complete")
        assert bruno.sees_ticket(ticket, "sold")

    def test_cannot_be_paid_again(self, olivia, bruno):
        order = bruno.has_bought(olivia.offers())

        people.assert_refused(bruno.pays(order), 409)

        assert len(bruno.lists("payments")) == 1

    def test_cannot_be_paid_again_while_the_first_payment_is_on_its_way(self, olivia, bruno, behind, late):
        order = bruno.has_ordered(olivia.offers())
        behind.payments_awaits(order)
        with late("orders.messaging"):
            bruno.has_paid(order)
            people.assert_refused(bruno.pays(order), 409, "already_paid")

        bruno.sees_order(order, "complete")
        assert len(bruno.lists("payments")) == 1


class TestAPaymentThatLoses:
    """The payment is authorized, and the news of it or of the order's end is late."""

    @pytest.mark.parametrize("slow", ["orders.messaging", "payments.messaging"])
    def test_against_a_cancellation_is_voided(self, olivia, bruno, behind, late, slow):
        ticket = olivia.offers()
        order = bruno.has_ordered(ticket)
        behind.payments_awaits(order)
        with late(slow):
            payment = bruno.has_paid(order)
            assert bruno.cancels(order).status_code == 204

        bruno.sees_payment(payment, "voided")
        assert behind.books(payment) == ["authorized", "voided"]
        assert bruno.sees_order(order, "cancelled")
        olivia.sees_ticket(ticket, "on_sale")

    def test_against_the_end_of_the_window_is_voided(self, olivia, bruno, behind, late):
        ticket = olivia.offers()
        order = bruno.has_ordered(ticket)
        behind.payments_awaits(order)
        with late("payments.messaging"):
            payment = bruno.has_paid(order)
            behind.window_ends(order)
            bruno.sees_order(order, "expired")

        bruno.sees_payment(payment, "voided")
        assert behind.books(payment) == ["authorized", "voided"]
        olivia.sees_ticket(ticket, "on_sale")

    def test_at_the_provider_when_the_money_is_to_be_taken_gives_the_ticket_back(self, olivia, bruno, behind):
        ticket = olivia.offers()
        order = bruno.has_ordered(ticket)

        payment = bruno.has_paid(order, "tok_captureLapses")

        bruno.sees_payment(payment, "failed")
        assert behind.books(payment) == ["authorized", "lapsed"]
        bruno.sees_order(order, "refunded")
        olivia.sees_ticket(ticket, "on_sale")


def test_a_lost_answer_of_the_provider_is_looked_up(olivia, bruno, carla, behind):
    lost, never_sent = bruno.has_ordered(olivia.offers()), carla.has_ordered(olivia.offers())

    unknown = bruno.has_paid(lost, "tok_timeout")
    unheard = carla.has_paid(never_sent, "tok_unreachable")

    assert (unknown["status"], unheard["status"]) == ("unknown", "unknown")
    bruno.sees_order(lost, "complete")
    bruno.sees_payment(unknown, "captured")
    carla.sees_payment(unheard, "declined")
    assert behind.books(unheard) == ["voided"]
    carla.has_paid(never_sent)
    carla.sees_order(never_sent, "complete")
