"""Lists that stay put while they grow, and requests that are sent twice."""

import concurrent.futures
import uuid

import httpx
import pytest

from tests.market import people


class TestPages:
    def test_of_tickets_stay_put_while_the_list_grows(self, olivia, anybody):
        shelf = uuid.uuid4().hex
        there = [olivia.offers(category=shelf)["id"] for _ in range(5)]
        pages = _pages(anybody, f"/api/tickets?category={shelf}&limit=2")
        first = next(pages)
        olivia.offers(category=shelf)

        seen = [first, next(pages)]
        olivia.offers(category=shelf)
        seen += list(pages)

        assert [ticket["id"] for page in seen for ticket in page] == there[::-1]
        assert [len(page) for page in seen] == [2, 2, 1]

    @pytest.mark.parametrize("sort", ["price", "-price"])
    def test_of_tickets_by_price_hold_equal_prices_apart(self, olivia, anybody, sort):
        shelf = uuid.uuid4().hex
        there = {olivia.offers(category=shelf, price=price)["id"] for price in (3, 5, 5, 5, 9)}

        pages = list(_pages(anybody, f"/api/tickets?category={shelf}&limit=2&sort={sort}"))

        seen = [ticket for page in pages for ticket in page]
        assert len(seen) == 5
        assert {ticket["id"] for ticket in seen} == there
        assert [ticket["price"] for ticket in seen] == sorted((3, 5, 5, 5, 9), reverse=sort.startswith("-"))

    def test_of_orders_and_payments_are_ones_own(self, olivia, bruno, carla):
        bought = [bruno.has_bought(olivia.offers())["id"] for _ in range(2)]
        carla.has_bought(olivia.offers())

        orders = [order["id"] for page in _pages(bruno.http, "/api/orders?limit=1") for order in page]
        payments = [payment["orderId"] for page in _pages(bruno.http, "/api/payments?limit=1") for payment in page]

        assert orders == payments == bought[::-1]

    def test_of_somebody_else_cannot_be_gone_on_with(self, olivia, bruno, carla):
        for _ in range(2):
            bruno.has_ordered(olivia.offers())
        address = bruno.http.get("/api/orders?limit=1").links["next"]["url"]

        people.assert_refused(carla.http.get(address), 400, "invalid_cursor")


class TestTheSameKey:
    def test_offers_one_ticket(self, olivia):
        key = {"Idempotency-Key": uuid.uuid4().hex}

        answers = [olivia.http.post("/api/tickets", json=people.HAMLET, headers=key) for _ in range(3)]

        _assert_the_same(answers, 201)
        assert len(olivia.lists("tickets", seller=olivia.id)) == 1

    def test_places_one_order(self, olivia, bruno, behind):
        ticket = olivia.offers()
        behind.orders_knows(ticket)
        key, body = {"Idempotency-Key": uuid.uuid4().hex}, {"ticketId": ticket["id"]}

        answers = [bruno.http.post("/api/orders", json=body, headers=key) for _ in range(3)]

        _assert_the_same(answers, 201)
        assert len(bruno.lists("orders")) == 1

    def test_pays_once(self, olivia, bruno, behind):
        order = bruno.has_ordered(olivia.offers())
        behind.payments_awaits(order)
        key, body = {"Idempotency-Key": uuid.uuid4().hex}, {"orderId": order["id"], "token": "tok_visa"}

        answers = [bruno.http.post("/api/payments", json=body, headers=key) for _ in range(3)]

        _assert_the_same(answers, 201)
        assert len(bruno.lists("payments")) == 1
        behind.waits_for_books(answers[0].json(), ["authorized", "captured"])

    def test_is_declined_once(self, olivia, bruno, behind):
        order = bruno.has_ordered(olivia.offers())
        behind.payments_awaits(order)
        key, body = {"Idempotency-Key": uuid.uuid4().hex}, {"orderId": order["id"], "token": "tok_chargeDeclined"}

        answers = [bruno.http.post("/api/payments", json=body, headers=key) for _ in range(3)]

        _assert_the_same(answers, 402)
        assert len(bruno.lists("payments")) == 1

    def test_with_another_body_is_refused(self, olivia):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        olivia.http.post("/api/tickets", json=people.HAMLET, headers=key)

        other = olivia.http.post("/api/tickets", json={**people.HAMLET, "price": 13}, headers=key)

        people.assert_refused(other, 422)
        assert len(olivia.lists("tickets", seller=olivia.id)) == 1

    def test_of_two_people_is_two_keys(self, olivia, bruno):
        key = {"Idempotency-Key": uuid.uuid4().hex}

        answers = [person.http.post("/api/tickets", json=people.HAMLET, headers=key) for person in (olivia, bruno)]

        assert answers[0].json()["id"] != answers[1].json()["id"]

    def test_sent_many_times_at_once_still_offers_one_ticket(self, market, olivia):
        key, cookies = {"Idempotency-Key": uuid.uuid4().hex}, dict(olivia.http.cookies)

        def send(_):
            with market.client(cookies=cookies) as client:
                return client.post("/api/tickets", json=people.HAMLET, headers=key)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))

        made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
        assert len(made) == 1
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert [ticket["id"] for ticket in olivia.lists("tickets", seller=olivia.id)] == list(made)


def _pages(client, address):
    """Each page, following the `Link` of the one before."""
    while address:
        answer = client.get(httpx.URL(address).raw_path.decode())
        assert answer.status_code == 200, answer.text
        yield answer.json()
        address = answer.links.get("next", {}).get("url")


def _assert_the_same(answers, status):
    first, *repeats = answers
    assert first.status_code == status, first.text
    assert "idempotency-replayed" not in first.headers
    for again in repeats:
        assert (again.status_code, again.content) == (status, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers.get("location") == first.headers.get("location")
        assert again.headers["idempotency-replayed"] == "true"
