"""The one origin: what the gateway answers itself, what it lets through, what it keeps to itself."""

import re
import time
import uuid

import pytest

from shared.testing import waiting
from tests.market import people

SERVICES = {"auth": "users", "tickets": "tickets", "orders": "orders", "payments": "payments"}


class TestAServiceThatIsAway:
    def test_is_a_503_problem_within_three_seconds_and_leaves_the_others_alone(self, without, olivia):
        with without("tickets.web"):
            began = time.monotonic()
            answer = olivia.http.post("/api/tickets", json=people.HAMLET)
            took = time.monotonic() - began

            people.assert_refused(answer, 503)
            assert answer.headers["retry-after"] == "1"
            assert took < 4
            assert olivia.http.get("/status/tickets").status_code == 503
            assert olivia.http.get("/api/orders").status_code == 200

    def test_and_does_not_answer_is_the_same_and_a_repeat_does_nothing_twice(self, late, olivia):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        with late("tickets.web"):
            began = time.monotonic()
            answer = olivia.http.post("/api/tickets", json=people.HAMLET, headers=key)
            took = time.monotonic() - began

        people.assert_refused(answer, 503)
        assert answer.headers["retry-after"] == "1"
        assert took < 6

        def repeat():
            answer = olivia.http.post("/api/tickets", json=people.HAMLET, headers=key)
            # The first may have been begun, and is still running.
            assert answer.status_code in (201, 409), answer.text
            return answer.status_code == 201

        waiting.until(repeat, seconds=people.SOON, what="the ticket to be offered")
        assert len(olivia.lists("tickets", seller=olivia.id)) == 1


class TestWhatIsNotPublic:
    @pytest.mark.parametrize(
        "path",
        [
            "/livez",
            "/readyz",
            "/metrics",
            "/internal/introspect",
            "/api/users/../../metrics",
            "/api/tickets/%2e%2e/%2e%2e/metrics",
            "//metrics",
            "/api/users/x/metrics",
            "/admin/orders/../../metrics",
        ],
    )
    def test_is_not_there(self, anybody, path):
        answer = anybody.send(anybody.build_request("GET", anybody.base_url.copy_with(raw_path=path.encode())))

        assert answer.status_code == 404, answer.text
        assert "python_info" not in answer.text

    def test_is_still_there_on_the_ports_of_the_processes(self, market, anybody):
        for process in ("tickets.web", "orders.messaging", "payments.worker"):
            url = market.row(process)["url"]
            assert anybody.get(f"{url}/readyz").status_code == 200
            assert "python_info" in anybody.get(f"{url}/metrics").text


class TestHeaders:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/api/docs/",
            "/admin/",
            "/nothing",
            *(f"/api/{name}" for name in ("tickets", "orders", "payments", "x")),
        ],
    )
    def test_name_no_software_and_keep_the_browser_strict(self, anybody, path):
        answer = anybody.get(path)

        assert not {"server", "via", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"]
        assert answer.headers["x-request-id"]

    @pytest.mark.parametrize("path", ["/", "/api/docs/", "/api/docs/events/", "/admin/"])
    def test_of_pages_allow_nothing_inline_and_no_frame(self, anybody, path):
        answer = anybody.get(path)

        policy = answer.headers["content-security-policy"]
        assert answer.headers["content-type"].startswith("text/html")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert not re.search(r"<style|<script(?! src=)|\sstyle=|\son\w+=", answer.text)

    @pytest.mark.parametrize("path", ["/api/users/currentuser", "/api/orders", "/api/payments"])
    def test_of_what_concerns_somebody_forbid_to_keep_it(self, olivia, path):
        assert olivia.http.get(path).headers["cache-control"] == "no-store"

    def test_of_cookies_keep_them_from_scripts(self, anybody):
        body = {"email": f"edna.{uuid.uuid4().hex}@example.com", "password": people.PASSWORD}
        cookies = anybody.post("/api/users/signup", json=body).headers.get_list("set-cookie")

        kept = {cookie.partition("=")[0]: cookie for cookie in cookies}
        assert all("HttpOnly" in kept[name] for name in ("access_token", "refresh_token"))
        assert all("SameSite=Lax" in cookie for cookie in cookies)
        assert "Path=/api/users" in kept["refresh_token"]

    def test_carry_the_name_of_the_request_if_it_is_a_decent_one(self, anybody):
        named = anybody.get("/api/tickets", headers={"X-Request-ID": "walk-1"})
        other = anybody.get("/api/tickets", headers={"X-Request-ID": "a b\tc"})

        assert named.headers["x-request-id"] == "walk-1"
        assert re.fullmatch(r"[\w-]{1,64}", other.headers["x-request-id"])


class TestWhatAClientClaims:
    CLAIMS = (
        "X-Identity-Assertion",
        "X-User-Id",
        "X-Auth-Request-Email",
        "X-Forwarded-User",
        "X-Remote-User",
        "Remote-User",
        "X-Authenticated-Userid",
    )

    def test_makes_nobody_somebody(self, anybody, olivia):
        for value in (olivia.id, olivia.email):
            claims = dict.fromkeys(self.CLAIMS, value)
            assert anybody.get("/api/users/currentuser", headers=claims).json() == {"currentUser": None}
            people.assert_refused(anybody.get("/api/orders", headers=claims), 401)

    def test_changes_neither_the_method_nor_the_addresses_in_an_answer(self, olivia):
        ticket = olivia.offers()
        olivia.offers()
        lies = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "6.6.6.6"}

        listed = olivia.http.get("/api/tickets", params={"limit": 1, "seller": olivia.id}, headers=lies)
        patched = olivia.http.patch(
            people.path(ticket), json={"seat": "F 1"}, headers={**lies, "X-HTTP-Method-Override": "DELETE"}
        )

        assert listed.links["next"]["url"].startswith(str(olivia.http.base_url).rstrip("/"))
        assert patched.json()["status"] == "on_sale"

    def test_of_another_site_is_refused_with_cookies(self, olivia):
        for lie in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            people.assert_refused(olivia.http.post("/api/tickets", json=people.HAMLET, headers=lie), 403)

        assert olivia.lists("tickets", seller=olivia.id) == []


def test_a_body_too_large_is_a_413_problem(olivia):
    people.assert_refused(olivia.http.post("/api/tickets", json={**people.HAMLET, "description": "x" * 1_100_000}), 413)

    assert olivia.lists("tickets", seller=olivia.id) == []


class TestPaths:
    def test_are_the_same_with_and_without_a_slash_at_the_end(self, olivia, bruno, behind):
        ticket = olivia.http.post("/api/tickets/", json=people.HAMLET).json()
        assert olivia.http.get(f"{people.path(ticket)}/").json() == olivia.http.get(people.path(ticket)).json()
        assert olivia.http.patch(f"{people.path(ticket)}/", json={"seat": "F 1"}).status_code == 200
        behind.orders_knows(ticket)
        order = bruno.http.post("/api/orders/", json={"ticketId": ticket["id"]})
        assert order.status_code == 201
        assert bruno.http.get("/api/orders/").json()[0]["id"] == order.json()["id"]
        assert bruno.http.delete(f"/api/orders/{order.json()['id']}/").status_code == 204
        assert bruno.http.get("/api/payments/").json() == []
        assert bruno.http.get("/api/users/currentuser/").json()["currentUser"]["id"] == bruno.id
        assert bruno.http.post("/api/users/signout/").status_code == 200

    def test_that_lead_nowhere_are_problems(self, anybody):
        for path in ("/api", "/api/nothing", "/api/tickets/x/y/z", "/api/users/x/nothing", "/no/page"):
            people.assert_refused(anybody.get(path), 404)

    def test_answer_a_method_they_do_not_know_with_a_problem(self, olivia):
        for method, path in [("PUT", "/api/orders"), ("DELETE", "/api/payments"), ("GET", "/api/users/signup")]:
            answer = olivia.http.request(method, path)
            people.assert_refused(answer, 405)
            assert answer.headers["allow"]


class TestPages:
    def test_at_the_front_say_what_this_is_and_lead_on(self, anybody):
        page = anybody.get("/")

        assert page.status_code == 200
        for link in ("/api/docs/", "/admin/", *(f"/status/{service}" for service in SERVICES)):
            assert f'href="{link}"' in page.text
            assert anybody.get(link).status_code == 200

    def test_of_the_documentation_need_nothing_from_elsewhere(self, anybody):
        page = anybody.get("/api/docs/").text

        links = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert links
        assert all(link.startswith("/") and not link.startswith("//") for link in links)
        assert {link: anybody.get(link).status_code for link in links} == dict.fromkeys(links, 200)
        styles = [anybody.get(link).text for link in links if link.endswith(".css")]
        assert not [style for style in styles if re.search(r"url\(['\"]?(?:https?:)?//", style)]

    @pytest.mark.parametrize("name", SERVICES.values())
    def test_of_the_documentation_find_the_schema_of_each_service(self, anybody, name):
        for path in (f"/api/{name}/schema", f"/api/{name}/schema/"):
            schema = anybody.get(path, headers={"Accept": "application/json"})
            assert schema.status_code == 200
            assert "3.1.0" in schema.text[:200]
            assert f"/api/{name}" in schema.text
