"""What a seller may do with a ticket, and what becomes of it in the hands of others."""

import uuid

from tests.market import people


class TestOffering:
    def test_shows_the_ticket_to_everybody(self, olivia, anybody):
        made = olivia.http.post("/api/tickets", json=people.HAMLET)

        ticket = made.json()
        assert made.status_code == 201
        assert made.headers["location"] == people.path(ticket)
        assert anybody.get(made.headers["location"]).json() == ticket
        assert ticket["price"] == 12.5
        assert (ticket["currency"], ticket["status"], ticket["version"]) == ("USD", "on_sale", 0)
        assert ticket["userId"] == olivia.id
        assert ticket in anybody.get("/api/tickets", params={"seller": olivia.id}).json()

    def test_finds_it_by_word_price_and_category(self, olivia, bruno):
        shelf = uuid.uuid4().hex
        cheap = olivia.offers(title="Macbeth, balcony", price=5, category=shelf)
        dear = olivia.offers(title="Macbeth, stalls", price=50, category=shelf)

        def found(**query):
            return [ticket["id"] for ticket in bruno.lists("tickets", category=shelf, **query)]

        assert found() == [dear["id"], cheap["id"]]
        assert found(sort="price") == [cheap["id"], dear["id"]]
        assert found(q="balcony") == [cheap["id"]]
        assert found(minPrice=10) == [dear["id"]]
        assert found(maxPrice=10) == [cheap["id"]]


class TestEditing:
    def test_changes_what_is_said_and_leaves_the_rest(self, olivia):
        ticket = olivia.offers()

        changed = olivia.edits(ticket, title="Hamlet, row A").json()

        assert changed["title"] == "Hamlet, row A"
        assert (changed["venue"], changed["price"]) == (ticket["venue"], ticket["price"])
        assert changed["version"] == 1
        assert olivia.http.get(people.path(ticket)).json() == changed

    def test_anew_empties_what_is_left_out(self, olivia):
        ticket = olivia.offers()

        changed = olivia.http.put(people.path(ticket), json={"title": "Othello", "price": "7.25"}).json()

        assert (changed["title"], changed["price"], changed["venue"]) == ("Othello", 7.25, "")

    def test_is_refused_when_it_has_changed_since_it_was_read(self, olivia):
        ticket = olivia.offers()
        tag = olivia.http.get(people.path(ticket)).headers["etag"]
        olivia.edits(ticket, seat="F 12")

        late = olivia.http.patch(people.path(ticket), json={"seat": "F 13"}, headers={"If-Match": tag})

        people.assert_refused(late, 412)
        assert olivia.http.get(people.path(ticket)).json()["seat"] == "F 12"

    def test_is_for_its_seller(self, olivia, bruno, anybody):
        ticket = olivia.offers()

        people.assert_refused(bruno.edits(ticket, price=1), 403)
        people.assert_refused(bruno.http.delete(people.path(ticket)), 403)
        people.assert_refused(anybody.patch(people.path(ticket), json={"price": 1}), 401)
        assert olivia.http.get(people.path(ticket)).json() == ticket

    def test_of_nothing_is_not_found(self, olivia):
        for name in (uuid.uuid4(), "nonsense"):
            people.assert_refused(olivia.http.patch(f"/api/tickets/{name}", json={"price": 1}), 404)


class TestWithdrawing:
    def test_hides_it_from_all_but_its_seller(self, olivia, bruno):
        ticket = olivia.offers()

        assert olivia.http.delete(people.path(ticket)).status_code == 204

        people.assert_refused(bruno.http.get(people.path(ticket)), 404)
        assert olivia.http.get(people.path(ticket)).json()["status"] == "withdrawn"
        assert bruno.lists("tickets", seller=olivia.id) == []

    def test_is_for_ever(self, olivia, bruno):
        ticket = olivia.offers()
        olivia.http.delete(people.path(ticket))

        people.assert_refused(olivia.edits(ticket, price=1), 409)
        people.assert_refused(olivia.http.delete(people.path(ticket)), 409)
        # Orders may have to hear of it first; until then tickets itself refuses the reservation.
        order = bruno.orders(ticket)
        assert order.status_code == 409 or bruno.sees_order(order.json(), "cancelled")


class TestReserved:
    def test_cannot_be_edited_or_withdrawn(self, olivia, bruno):
        ticket = olivia.offers()
        bruno.has_ordered(ticket)

        people.assert_refused(olivia.edits(ticket, price=99), 409)
        people.assert_refused(olivia.http.delete(people.path(ticket)), 409)
        assert olivia.http.get(people.path(ticket)).json()["price"] == ticket["price"]

    def test_is_not_listed_and_says_who_holds_it(self, olivia, bruno, carla):
        ticket = olivia.offers()
        order = bruno.has_ordered(ticket)

        assert carla.http.get(people.path(ticket)).json()["orderId"] == order["id"]
        assert carla.lists("tickets", seller=olivia.id) == []
        assert len(carla.lists("tickets", seller=olivia.id, status="reserved")) == 1

    def test_cannot_be_ordered_by_another(self, olivia, bruno, carla):
        ticket = olivia.offers()
        bruno.has_ordered(ticket)

        people.assert_refused(carla.orders(ticket), 409)
        assert carla.lists("orders") == []


def test_a_sold_ticket_stays_sold(olivia, bruno, carla):
    ticket = olivia.offers()
    bruno.has_bought(ticket)
    olivia.sees_ticket(ticket, "sold")

    people.assert_refused(olivia.edits(ticket, price=99), 409)
    people.assert_refused(olivia.http.delete(people.path(ticket)), 409)
    people.assert_refused(carla.orders(ticket), 409)
    assert carla.lists("tickets", seller=olivia.id) == []
