"""One service after the other is put back to a dump while the market goes on: what is lost is listed, and only that."""

import threading

import pytest

from shared.testing import waiting
from tests.market import people


@pytest.fixture
def audited(behind):
    """`audited()`: what adds up no longer since the test began, by check; earlier tests have left their own."""
    before = set(behind.audit(patience=0.0))

    def audit():
        # What is lost stays wrong for as long as one looks.
        return {(one.check, one.subject) for one in set(behind.audit(patience=4.0)) - before}

    return audit


def lost(record):
    """What the record lists: the state it had, and the one it has now, by id."""
    status = {one["id"]: (one["was"]["status"], one["now"] and one["now"]["status"]) for one in record["lost"]}
    assert len(status) == len(record["lost"])
    return status


class TestOrders:
    def test_hears_again_what_the_others_know_and_lists_what_nobody_can_tell_it(
        self, olivia, bruno, carla, operator, audited, behind
    ):
        early, open_, late = (olivia.offers(title=f"Hamlet, seat {seat}") for seat in (1, 2, 3))
        kept = bruno.has_bought(early)
        paid_later = bruno.has_ordered(open_)
        dump = operator.backs_up("orders")
        bruno.has_paid(paid_later)
        bruno.sees_order(paid_later, "complete")
        gone = carla.has_bought(late)

        record, _ = operator.restores("orders", dump)

        assert lost(record) == {gone["id"]: ("complete", None)}
        bruno.sees_order(kept, "complete")
        bruno.sees_order(paid_later, "complete")
        assert carla.http.get(f"/api/orders/{gone['id']}").status_code == 404
        assert audited() == {
            ("money", f"order {gone['id']} does not exist"),
            ("payments' copy of orders", gone["id"]),
            ("ticket stuck", f"ticket {late['id']} (sold)"),
        }
        behind.orders_knows(late)
        people.assert_refused(bruno.orders(late), 409)

    def test_may_be_read_and_not_written_until_everybody_has_been_heard(
        self, market, olivia, bruno, operator, without, behind
    ):
        ticket, other = olivia.offers(), olivia.offers(title="Othello")
        order = bruno.has_ordered(ticket)
        dump = operator.backs_up("orders")
        behind.orders_knows(other)
        with without("tickets.messaging"):
            command = operator.begins("restore", "orders", "--from", dump, "--yes")
            said = []
            reading = threading.Thread(target=lambda: said.extend(command.stdout))
            reading.start()
            waits = "writes are refused; waits for tickets (it has not spoken yet)\n"
            waiting.until(lambda: waits in said, seconds=60, what="the restore to say for whom it waits")

            for answer in (
                bruno.http.post("/api/orders", json={"ticketId": other["id"]}),
                bruno.http.delete(f"/api/orders/{order['id']}"),
            ):
                (error,) = people.assert_refused(answer, 503)
                assert error["code"] == "recovering"
                assert int(answer.headers["retry-after"]) >= 1
            assert [one["id"] for one in bruno.lists("orders")] == [order["id"]]
            behind.window_ends(order)

        assert command.wait(timeout=60) == 0, said
        reading.join()
        command.stdout.close()
        bruno.sees_order(order, "expired")
        bruno.has_ordered(other)


class TestTickets:
    def test_is_followed_back_though_its_versions_were_higher_and_again_in_a_second_restore(
        self, olivia, bruno, carla, operator, audited, behind
    ):
        edited, sold = olivia.offers(), olivia.offers(title="Othello")
        order = bruno.has_ordered(sold)
        dump = operator.backs_up("tickets")
        for price in (20, 30):
            assert olivia.edits(edited, price=price).status_code == 200
        bruno.has_paid(order)
        bruno.sees_ticket(sold, "sold")
        created = olivia.offers(title="Macbeth")
        behind.waits_for_row("orders", "orders_ticket", id=edited["id"], version=2)
        behind.orders_knows(created)

        first, _ = operator.restores("tickets", dump)

        assert lost(first) == {edited["id"]: ("on_sale", "on_sale"), created["id"]: ("on_sale", None)}
        behind.waits_for_row("orders", "orders_ticket", id=edited["id"], version=0, amount_minor=1250)
        bruno.sees_ticket(sold, "sold")
        assert audited() == {("orders' copy of tickets", created["id"])}
        ghost = carla.orders(created)
        assert ghost.status_code == 201
        carla.sees_order(ghost.json(), "cancelled")

        assert olivia.edits(edited, price=40).status_code == 200
        behind.waits_for_row("orders", "orders_ticket", id=edited["id"], version=1, amount_minor=4000)
        second, _ = operator.restores("tickets", dump)

        assert second["epoch"] == first["epoch"] + 1
        assert edited["id"] in lost(second)
        behind.waits_for_row("orders", "orders_ticket", id=edited["id"], version=0, amount_minor=1250)
        assert audited() == {("orders' copy of tickets", created["id"])}


class TestPayments:
    def test_settles_what_it_still_knows_and_lists_what_it_does_not(self, olivia, bruno, operator, audited):
        first, second = olivia.offers(), olivia.offers(title="Othello")
        known = bruno.has_paid(bruno.has_ordered(first))
        order = bruno.has_ordered(second)
        dump = operator.backs_up("payments")
        gone = bruno.has_paid(order)
        bruno.sees_order(order, "complete")
        bruno.sees_payment(gone, "captured")

        record, _ = operator.restores("payments", dump)

        listed = lost(record)
        # Captured by now, the known one was authorized at the dump or captured already: the worker decides.
        assert listed.pop(known["id"], None) in (None, ("captured", "authorized"))
        assert listed == {gone["id"]: ("captured", None)}
        bruno.sees_payment(known, "captured")
        assert audited() == {("money", f"order {order['id']} is complete")}
        people.assert_refused(bruno.pays(order), 409)


class TestAuth:
    def test_takes_back_its_word_everywhere(self, olivia, newcomer, operator, audited, behind):
        dump = operator.backs_up("auth")
        operator.manages("auth", "ban", olivia.email)
        behind.waits_for_row("tickets", "identity_user", id=olivia.id, active=False)
        dora = newcomer("dora")
        for service in ("tickets", "orders", "payments"):
            behind.waits_for_row(service, "identity_user", id=dora.id)

        record, _ = operator.restores("auth", dump)

        assert lost(record) == {olivia.id: ("inactive", "active"), dora.id: ("active", None)}
        for service in ("tickets", "orders", "payments"):
            behind.waits_for_row(service, "identity_user", id=olivia.id, active=True)
        assert audited() == {(f"{name}' copy of users", dora.id) for name in ("tickets", "orders", "payments")}
        again = dora.http.post("/api/users/signup", json={"email": dora.email, "password": people.PASSWORD})
        assert again.status_code == 201


class TestRefusals:
    def test_of_the_dump_of_another_service(self, operator):
        dump = operator.backs_up("auth")

        code, said = operator.tries("restore", "orders", "--from", dump, "--yes")

        assert code == 1
        assert "is a dump of auth, not of orders" in said

    def test_to_begin_when_nobody_can_be_asked(self, operator, olivia):
        dump = operator.backs_up("tickets")

        code, said = operator.tries("restore", "tickets", "--from", dump)

        assert code == 1
        assert "add --yes" in said
        assert olivia.offers()["version"] == 0
