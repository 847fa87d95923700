"""Who somebody is, under whichever strategy."""

import httpx
import pytest

from tests.identity import watch
from tests.market import people

NEEDING_SOMEBODY = [
    ("GET", "/api/orders"),
    ("POST", "/api/orders"),
    ("GET", "/api/payments"),
    ("POST", "/api/payments"),
    ("POST", "/api/tickets"),
]


class TestSomebodyWhoHasSignedUp:
    def test_is_known_everywhere_by_cookie(self, olivia):
        ticket = olivia.offers()

        assert ticket["userId"] == olivia.id
        assert olivia.lists("orders") == olivia.lists("payments") == []
        assert olivia.http.get("/api/users/currentuser").json()["currentUser"]["id"] == olivia.id

    def test_is_known_everywhere_by_bearer(self, olivia, places):
        assert set(places.statuses(places.token(olivia), watch.APIS).values()) == {200}

    def test_buys(self, olivia, bruno):
        order = bruno.has_bought(olivia.offers())

        assert order["userId"] == bruno.id

    def test_is_known_with_renewed_tokens(self, olivia, places):
        before = places.token(olivia)

        assert olivia.http.post("/api/users/refresh").status_code == 200

        assert places.token(olivia) != before
        assert olivia.lists("orders") == []

    def test_does_not_enter_the_admins(self, olivia, places):
        assert set(places.statuses(places.token(olivia), watch.ADMINS).values()) == {403}

    def test_sees_nothing_of_others(self, olivia, bruno):
        order = bruno.has_ordered(olivia.offers())

        people.assert_refused(olivia.http.get(f"/api/orders/{order['id']}"), 404)


def test_an_administrator_enters_all_admins_with_one_sign_in(head_of_house):
    for path in watch.ADMINS:
        assert head_of_house.http.get(path).status_code == 200


class TestNobody:
    def test_may_look(self, olivia, anybody):
        ticket = olivia.offers()

        assert anybody.get(people.path(ticket)).status_code == 200
        assert anybody.get("/api/users/currentuser").json() == {"currentUser": None}

    @pytest.mark.parametrize(("method", "path"), NEEDING_SOMEBODY)
    def test_may_not_touch(self, anybody, method, path):
        people.assert_refused(anybody.request(method, path, json={}), 401)

    @pytest.mark.parametrize("path", watch.ADMINS)
    def test_is_led_to_the_sign_in_page_by_the_admins(self, anybody, path):
        answer = anybody.get(path, follow_redirects=False)

        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/admin/?next=")


BAD = ["nonsense", "a.b.c", "x" * 5000, "ä"]


class TestABadToken:
    @pytest.mark.parametrize("bad", BAD[:3])
    def test_in_the_cookie_is_nobodys(self, anybody, names, bad):
        cookie = {"Cookie": f"{names[0]}={bad}"}

        assert anybody.get("/api/tickets", headers=cookie).status_code == 200
        for method, path in NEEDING_SOMEBODY:
            people.assert_refused(anybody.request(method, path, json={}, headers=cookie), 401)

    @pytest.mark.parametrize("bad", BAD)
    def test_as_a_bearer_is_a_401_everywhere(self, anybody, bad):
        bearer = {"Authorization": f"Bearer {bad}".encode()}

        for path in ("/api/users/currentuser", *watch.APIS, *watch.ADMINS):
            answer = anybody.get(path, headers=bearer)
            people.assert_refused(answer, 401)
            assert "invalid_token" in answer.headers["www-authenticate"]
            assert answer.json()["instance"] == path

    def test_as_a_bearer_is_not_excused_by_a_good_cookie(self, olivia):
        for path in watch.APIS:
            people.assert_refused(olivia.http.get(path, headers={"Authorization": "Bearer nonsense"}), 401)

    def test_of_another_scheme_makes_the_cookie_count_for_nothing(self, olivia):
        answer = olivia.http.get("/api/orders", headers={"Authorization": "Basic b2xpdmlhOnB3"})

        people.assert_refused(answer, 401)


class TestAnAssertionOfAuth:
    """Whoever runs the machine could have one made; nothing that a client sends may be taken for it."""

    def word(self, market, places, person, service="orders"):
        address = f"{market.row('auth.web')['url']}/internal/assertion/{service}"
        answer = httpx.get(address, headers={"Authorization": f"Bearer {places.token(person)}"})
        assert answer.status_code == 204
        return answer.headers["x-identity-assertion"]

    def test_is_not_taken_from_a_client(self, market, places, olivia, anybody):
        word = self.word(market, places, olivia)

        for name in ("X-Identity-Assertion", "X_Identity_Assertion", "x-identity-assertion"):
            people.assert_refused(anybody.get("/api/orders", headers={name: word}), 401)

    def test_is_no_access_token(self, market, places, olivia, anybody):
        word = self.word(market, places, olivia)

        people.assert_refused(anybody.get("/api/orders", headers={"Authorization": f"Bearer {word}"}), 401)

    def test_counts_only_where_services_believe_the_gateway_and_only_for_one(self, market, places, olivia):
        """Asked on its own port, past the gateway."""
        word = {"X-Identity-Assertion": self.word(market, places, olivia)}
        url = {service: market.row(f"{service}.web")["url"] for service in ("orders", "payments")}

        believed = httpx.get(f"{url['orders']}/api/orders", headers=word).status_code
        elsewhere = httpx.get(f"{url['payments']}/api/payments", headers=word).status_code

        assert believed == (200 if market.identity == "gateway" else 401)
        assert elsewhere == 401


def test_a_service_behind_the_gateway_strategy_believes_no_token_that_goes_past_it(market, places, olivia):
    bearer = {"Authorization": f"Bearer {places.token(olivia)}"}

    answer = httpx.get(f"{market.row('orders.web')['url']}/api/orders", headers=bearer)

    assert answer.status_code == (401 if market.identity == "gateway" else 200)
