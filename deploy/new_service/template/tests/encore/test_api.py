"""What buyers are told over HTTP: every success and every refusal."""

import datetime as dt

import pytest

from shared import ids
from shared.testing import callers
from tests.contracts import samples
from tests.encore.factories import OrderFactory, TicketFactory

pytestmark = pytest.mark.django_db

UNFINISHED = ("created", "awaiting_payment", "cancelled", "expired", "refunded")


def address(order):
    return f"/api/encores/{getattr(order, 'id', order)}"


@pytest.fixture
def purchase(bruno):
    return OrderFactory(user_id=bruno.id)


class TestList:
    def test_shows_what_one_has_bought_put_together_from_both_copies(self, bruno, purchase):
        answer = bruno.get("/api/encores")

        assert answer.status_code == 200
        assert answer.json() == [
            {
                "id": str(purchase.id),
                "ticketId": str(purchase.ticket_id),
                "title": "Hamlet, row F",
                "venue": "The Globe",
                "startsAt": "2026-03-02T19:30:00Z",
                "price": 12.5,
                "currency": "USD",
                "createdAt": "2026-03-02T19:30:00Z",
            }
        ]

    def test_shows_a_purchase_whose_ticket_is_not_known_yet(self, bruno):
        OrderFactory(user_id=bruno.id, ticket=TicketFactory.build())

        (shown,) = bruno.get("/api/encores").json()

        assert (shown["title"], shown["venue"], shown["startsAt"]) == ("Hamlet, row F", None, None)

    @pytest.mark.parametrize("status", UNFINISHED)
    def test_leaves_out_what_is_not_bought(self, bruno, status):
        OrderFactory(user_id=bruno.id, status=status)

        assert bruno.get("/api/encores").json() == []

    def test_leaves_out_what_others_have_bought(self, olivia, purchase):
        assert olivia.get("/api/encores").json() == []

    def test_goes_from_page_to_page_the_newest_first(self, bruno):
        bought = [
            OrderFactory(user_id=bruno.id, created_at=samples.MONDAY + dt.timedelta(days=day)) for day in range(3)
        ]

        first = bruno.get("/api/encores", {"limit": 2})
        following = first["Link"].removeprefix("<http://testserver").partition(">")[0]
        second = bruno.get(following)

        seen = [one["id"] for one in (*first.json(), *second.json())]
        assert seen == [str(order.id) for order in reversed(bought)]
        assert "Link" not in second

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}, {"cursor": "forged"}])
    def test_refuses_a_page_that_cannot_be(self, bruno, query):
        assert callers.blamed(bruno.get("/api/encores", query)) == set(query)

    def test_needs_credentials(self, nobody):
        callers.problem(nobody.get("/api/encores"), 401)


class TestOne:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_shows_what_the_list_shows_with_its_version(self, bruno, purchase, slash):
        answer = bruno.get(address(purchase) + slash)

        assert answer.status_code == 200
        assert answer["ETag"] == '"2"'
        assert [answer.json()] == bruno.get("/api/encores").json()

    def test_is_there_for_its_buyer_alone(self, olivia, purchase):
        callers.problem(olivia.get(address(purchase)), 404)

    @pytest.mark.parametrize("status", UNFINISHED)
    def test_is_not_there_until_it_is_bought(self, bruno, status):
        callers.problem(bruno.get(address(OrderFactory(user_id=bruno.id, status=status))), 404)

    @pytest.mark.parametrize("unknown", [ids.new(), "hamlet", "%00", "1"])
    def test_is_not_there_if_nobody_knows_it(self, bruno, unknown):
        callers.problem(bruno.get(address(unknown)), 404)

    def test_needs_credentials_before_anything_else(self, nobody, purchase):
        callers.problem(nobody.get(address(purchase)), 401)
        callers.problem(nobody.get(address("hamlet")), 401)
