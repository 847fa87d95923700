"""One buyer's claim on one ticket: at which price, for how long, and who is told no."""

import concurrent.futures
import uuid

import pytest

from tests.market import people


class TestOrdering:
    def test_holds_the_ticket_for_its_buyer_alone(self, olivia, bruno, carla):
        ticket = olivia.offers()

        order = bruno.has_ordered(ticket)

        assert order["userId"] == bruno.id
        assert bruno.lists("orders") == [order]
        assert bruno.lists("orders", status="complete") == []
        assert carla.lists("orders") == []
        people.assert_refused(carla.http.get(f"/api/orders/{order['id']}"), 404)
        people.assert_refused(carla.cancels(order), 404)
        people.assert_refused(carla.http.post("/api/payments", json={"orderId": order["id"], "token": "tok_visa"}), 404)

    def test_ones_own_ticket_is_refused(self, olivia):
        ticket = olivia.offers()

        people.assert_refused(olivia.orders(ticket), 403, "own_ticket")
        assert olivia.http.get(people.path(ticket)).json()["status"] == "on_sale"

    def test_what_nobody_offers_is_not_found(self, bruno):
        answer = bruno.http.post("/api/orders", json={"ticketId": str(uuid.uuid4())})

        people.assert_refused(answer, 404, "unknown_ticket")

    def test_one_ticket_at_once_lets_exactly_one_through(self, olivia, newcomer):
        ticket = olivia.offers()
        buyers = [newcomer(f"buyer{n}") for n in range(8)]
        assert buyers[0].http.get("/api/orders").status_code == 200

        with concurrent.futures.ThreadPoolExecutor(len(buyers)) as pool:
            answers = list(pool.map(lambda buyer: buyer.orders(ticket), buyers))

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        winner = buyers[[answer.status_code for answer in answers].index(201)]
        assert winner.sees_order(winner.lists("orders")[0], "awaiting_payment")


class TestThePriceOfOrdering:
    def test_stays_in_the_order_whatever_the_ticket_costs_later(self, olivia, bruno):
        ticket = olivia.offers(price=12.5)
        order = bruno.has_ordered(ticket)
        bruno.cancels(order)
        olivia.sees_ticket(ticket, "on_sale")
        assert olivia.edits(ticket, price=99).status_code == 200

        shown = bruno.http.get(f"/api/orders/{order['id']}").json()["ticket"]

        assert shown == {"id": ticket["id"], "title": ticket["title"], "price": 12.5, "currency": "USD", "version": 0}

    def test_is_never_charged_when_the_price_was_edited_while_the_order_was_on_its_way(
        self, olivia, bruno, behind, late
    ):
        ticket = olivia.offers(price=12.5)
        behind.orders_knows(ticket)
        with late("tickets.messaging"):
            order = bruno.orders(ticket).json()
            assert order["ticket"]["price"] == 12.5
            assert olivia.edits(ticket, price=99).status_code == 200

        bruno.sees_order(order, "cancelled")
        people.assert_refused(bruno.pays(order), 409)
        assert bruno.lists("payments") == []
        again = bruno.has_ordered(ticket)
        assert again["ticket"]["price"] == 99

    def test_holds_when_anything_but_the_price_was_edited_meanwhile(self, olivia, bruno, behind, late):
        ticket = olivia.offers(price=12.5)
        behind.orders_knows(ticket)
        with late("tickets.messaging"):
            order = bruno.orders(ticket).json()
            assert olivia.edits(ticket, seat="F 12").status_code == 200

        bruno.sees_order(order, "awaiting_payment")
        assert bruno.has_paid(order)["amount"] == 12.5


class TestCancelling:
    def test_puts_the_ticket_back_on_sale(self, olivia, bruno, carla):
        ticket = olivia.offers()
        order = bruno.has_ordered(ticket)

        assert bruno.cancels(order).status_code == 204

        bruno.sees_order(order, "cancelled")
        assert "orderId" not in olivia.sees_ticket(ticket, "on_sale")
        assert ticket["id"] in [listed["id"] for listed in carla.lists("tickets", seller=olivia.id)]
        carla.has_at_last_ordered(ticket)

    def test_twice_is_no_harm(self, olivia, bruno):
        order = bruno.has_ordered(olivia.offers())

        assert [bruno.cancels(order).status_code for _ in range(2)] == [204, 204]

    def test_before_it_is_confirmed_works_as_well(self, olivia, bruno, behind, late):
        ticket = olivia.offers()
        behind.orders_knows(ticket)
        with late("tickets.messaging"):
            order = bruno.orders(ticket).json()
            assert order["status"] == "created"
            assert bruno.cancels(order).status_code == 204

        # Tickets hears of the order and of its end, in this order; what it hears next finds the ticket free.
        bruno.has_at_last_ordered(ticket)


class TestExpiring:
    def test_puts_the_ticket_back_on_sale(self, olivia, bruno, behind):
        ticket = olivia.offers()
        order = bruno.has_ordered(ticket)

        behind.window_ends(order)

        bruno.sees_order(order, "expired")
        olivia.sees_ticket(ticket, "on_sale")
        people.assert_refused(bruno.cancels(order), 409)
        people.assert_refused(bruno.pays(order), 409)

    @pytest.mark.parametrize("away", [(), ("tickets.messaging",)], ids=["heard at once", "heard late"])
    def test_late_never_frees_a_ticket_that_somebody_else_has_reserved(self, olivia, bruno, carla, behind, late, away):
        ticket, other = olivia.offers(), olivia.offers(title="Othello")
        first, witness = bruno.has_ordered(ticket), bruno.has_ordered(other)
        bruno.cancels(first)
        olivia.sees_ticket(ticket, "on_sale")
        second = carla.has_at_last_ordered(ticket)

        with late(*away):
            behind.window_ends(first)
            behind.window_ends(witness)
            bruno.sees_order(witness, "expired")

        # The witness, whose window ended after the cancelled one's, is through.
        olivia.sees_ticket(other, "on_sale")
        assert bruno.http.get(f"/api/orders/{first['id']}").json()["status"] == "cancelled"
        assert olivia.http.get(people.path(ticket)).json()["orderId"] == second["id"]
        carla.has_paid(second)
        carla.sees_order(second, "complete")
        assert carla.sees_ticket(ticket, "sold")["orderId"] == second["id"]
