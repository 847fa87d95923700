"""A part of the market is down: what does not need it goes on, and what needs it is caught up afterwards."""

import time

import pytest

from tests.market import people

OTHERS = ("tickets", "orders", "payments")


class TestAuthIsDown:
    @pytest.fixture(autouse=True)
    def _without_auth(self, olivia, bruno, carla, without, behind):
        """Everybody has signed in before, and is known everywhere."""
        for service in OTHERS:
            for person in (olivia, bruno, carla):
                behind.waits_for_row(service, "identity_user", id=person.id)
        with without("auth.web", "auth.messaging"):
            yield

    def test_nobody_can_sign_in_and_is_told_to_come_again(self, olivia, anybody):
        answer = anybody.post("/api/users/signin", json={"email": olivia.email, "password": people.PASSWORD})

        people.assert_refused(answer, 503)
        assert answer.headers["retry-after"] == "1"

    def test_whoever_is_signed_in_can_sell_buy_cancel_and_edit(self, olivia, bruno, carla, behind):
        _everything_goes_on(olivia, bruno, carla, behind)

    def test_the_other_services_can_even_be_started_anew(self, market, olivia, bruno, carla, behind):
        processes = [f"{service}.{process}" for service in OTHERS for process in ("web", "messaging")]
        market.stop(*processes)
        market.start(*processes)

        _everything_goes_on(olivia, bruno, carla, behind)


class TestTicketsIsDown:
    def test_orders_can_be_seen_cancelled_and_paid_and_expire(self, olivia, bruno, carla, without, behind):
        paid, cancelled, expired = (olivia.offers(title=f"Hamlet, seat {seat}") for seat in (1, 2, 3))
        to_pay, to_cancel, to_expire = (bruno.has_ordered(ticket) for ticket in (paid, cancelled, expired))
        with without("tickets.web", "tickets.messaging"):
            people.assert_refused(bruno.http.get("/api/tickets"), 503)
            assert len(bruno.lists("orders")) == 3
            bruno.has_paid(to_pay)
            bruno.sees_order(to_pay, "complete")
            assert bruno.cancels(to_cancel).status_code == 204
            behind.window_ends(to_expire)
            bruno.sees_order(to_expire, "expired")

        carla.sees_ticket(paid, "sold")
        carla.sees_ticket(cancelled, "on_sale")
        carla.sees_ticket(expired, "on_sale")
        assert behind.audit() == []


class TestPaymentsIsDown:
    def test_everything_but_paying_goes_on(self, olivia, bruno, without, behind):
        ticket = olivia.offers()
        with without("payments.web", "payments.messaging", "payments.worker"):
            order = bruno.has_ordered(ticket)
            people.assert_refused(bruno.http.post("/api/payments", json={"orderId": order["id"], "token": "x"}), 503)

        bruno.has_paid(order)
        bruno.sees_order(order, "complete")
        assert behind.audit() == []


class TestTheBrokerIsDown:
    def test_every_request_still_answers_as_always_and_all_is_caught_up(
        self, olivia, bruno, carla, newcomer, without, behind
    ):
        known, payable, cancellable = (olivia.offers(title=f"Hamlet, seat {seat}") for seat in (1, 2, 3))
        to_pay, to_cancel = bruno.has_ordered(payable), bruno.has_ordered(cancellable)
        for order in (to_pay, to_cancel):
            behind.payments_awaits(order)
        behind.orders_knows(known)
        with without("broker"):
            began = time.monotonic()
            dora = newcomer("dora")
            offered = olivia.offers(title="Hamlet, seat 4")
            assert olivia.edits(offered, price=20).status_code == 200
            assert dora.lists("tickets", seller=olivia.id)
            ordered = carla.http.post("/api/orders", json={"ticketId": known["id"]})
            assert (ordered.status_code, ordered.json()["status"]) == (201, "created")
            assert bruno.has_paid(to_pay)["status"] == "authorized"
            assert bruno.cancels(to_cancel).status_code == 204
            assert bruno.http.get("/api/users/currentuser").json()["currentUser"]["id"] == bruno.id
            assert olivia.http.post("/api/users/signout").status_code == 200
            assert time.monotonic() - began < 15

        carla.sees_order(ordered.json(), "awaiting_payment")
        bruno.sees_order(to_pay, "complete")
        carla.sees_ticket(payable, "sold")
        carla.sees_ticket(cancellable, "on_sale")
        assert dora.has_ordered(offered)["ticket"]["price"] == 20
        assert behind.audit() == []


def _everything_goes_on(olivia, bruno, carla, behind):
    bought, returned = olivia.offers(), olivia.offers(title="Othello")
    assert olivia.edits(returned, venue="The Rose").status_code == 200
    order = bruno.has_ordered(returned)
    assert bruno.cancels(order).status_code == 204
    order = bruno.has_ordered(bought)
    payment = bruno.has_paid(order)
    bruno.sees_order(order, "complete")
    bruno.sees_payment(payment, "captured")
    carla.sees_ticket(bought, "sold")
    carla.sees_ticket(returned, "on_sale")
    assert behind.audit() == []
