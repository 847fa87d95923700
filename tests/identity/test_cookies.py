"""Cookies and the cross-site rule as contract §3 words them, on the scheme that this market is served on."""

import http.cookies
import uuid

import pytest

from tests.market import people


@pytest.fixture
def set_cookies(anybody):
    """The cookies of a sign-up, by name."""
    body = {"email": f"edna.{uuid.uuid4().hex}@example.com", "password": people.PASSWORD}
    answer = anybody.post("/api/users/signup", json=body)
    read = http.cookies.SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        read.load(line)
    return read


class TestTheCookiesOfASession:
    def test_are_what_the_contract_says(self, market, names, set_cookies):
        secure = market.is_https
        told = {
            name: (m["path"], bool(m["httponly"]), m["samesite"], bool(m["secure"]), m["domain"])
            for name, m in set_cookies.items()
        }

        assert told == {
            names[0]: ("/", True, "Lax", secure, ""),
            names[1]: ("/api/users", True, "Lax", secure, ""),
            "signed_in": ("/", False, "Lax", secure, ""),
            "__Host-known_device" if secure else "known_device": ("/", True, "Lax", secure, ""),
        }

    def test_count_under_their_own_names_only(self, market, names, olivia, places, anybody):
        other = "access_token" if market.is_https else "__Host-access_token"
        token = places.token(olivia)

        assert anybody.get("/api/orders", headers={"Cookie": f"{names[0]}={token}"}).status_code == 200
        people.assert_refused(anybody.get("/api/orders", headers={"Cookie": f"{other}={token}"}), 401)

    def test_are_cleared_by_the_sign_out(self, olivia, names):
        assert olivia.http.post("/api/users/signout").json() == {}

        assert not {*names, "signed_in"} & set(olivia.http.cookies)


class TestTheCrossSiteRule:
    def headers(self, market):
        scheme = "http" if market.is_https else "https"
        return [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "null"},
            {"Origin": "https://evil.example"},
            {"Origin": market.url.replace(market.url.partition(":")[0], scheme, 1)},
        ]

    def test_lets_no_other_site_act_with_the_cookies_of_this_one(self, market, olivia):
        for lie in self.headers(market):
            people.assert_refused(olivia.http.post("/api/tickets", json=people.HAMLET, headers=lie), 403)
            people.assert_refused(olivia.http.post("/api/users/signout", headers=lie), 403)

        assert olivia.lists("tickets", seller=olivia.id) == []

    def test_holds_for_signing_in_without_a_cookie(self, market, olivia, anybody):
        body = {"email": olivia.email, "password": people.PASSWORD}
        for lie in self.headers(market):
            people.assert_refused(anybody.post("/api/users/signin", json=body, headers=lie), 403)

    def test_lets_this_origin_act(self, market, olivia):
        for truth in ({"Origin": market.url}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
            assert olivia.http.post("/api/tickets", json=people.HAMLET, headers=truth).status_code == 201

    def test_is_not_got_round_by_another_content_type(self, olivia):
        form = {"Content-Type": "text/plain"}

        people.assert_refused(olivia.http.post("/api/tickets", content=b'{"title":"x"}', headers=form), 415)
