"""Who somebody is, seen through the gateway: by auth, and by the services that were never asked."""

import pytest

from shared.testing import waiting
from tests.market import people


class TestSigningUp:
    def test_signs_in_at_once_and_everywhere(self, newcomer):
        olivia = newcomer("olivia")

        me = olivia.http.get("/api/users/currentuser").json()["currentUser"]

        assert me == {"id": olivia.id, "email": olivia.email, "roles": []}
        assert olivia.http.get("/api/orders").json() == []

    def test_takes_an_address_once_whatever_its_case(self, olivia, anybody):
        again = {"email": olivia.email.upper(), "password": people.PASSWORD}

        (error,) = people.assert_refused(anybody.post("/api/users/signup", json=again), 400)

        assert error["message"] == "Email in use"

    @pytest.mark.parametrize(
        ("email", "password", "field"),
        [
            ("no address", people.PASSWORD, "email"),
            ("ola@example.com", "short", "password"),
            ("ola@example.com", "password1234", "password"),
            ("ola@example.com", "x" * 129, "password"),
        ],
    )
    def test_refuses_what_is_no_address_or_no_password(self, anybody, email, password, field):
        answer = anybody.post("/api/users/signup", json={"email": email, "password": password})

        assert {error["field"] for error in people.assert_refused(answer, 400)} == {field}
        assert not answer.cookies


class TestSigningIn:
    def test_works_with_the_address_in_any_case(self, olivia, anybody):
        answer = anybody.post("/api/users/signin", json={"email": olivia.email.upper(), "password": people.PASSWORD})

        assert answer.status_code == 200
        assert answer.json() == {"id": olivia.id, "email": olivia.email}
        assert anybody.get("/api/orders").status_code == 200

    def test_does_not_tell_an_unknown_address_from_a_wrong_password(self, olivia, anybody):
        wrong = anybody.post("/api/users/signin", json={"email": olivia.email, "password": "not her password"})
        nobody = anybody.post("/api/users/signin", json={"email": f"x{olivia.email}", "password": people.PASSWORD})

        (error,) = people.assert_refused(wrong, 400)
        assert error["message"] == "Invalid credentials"
        assert nobody.status_code == 400
        assert nobody.content == wrong.content
        assert _alike(nobody) == _alike(wrong)


class TestSigningOut:
    def test_clears_the_cookies(self, olivia):
        assert olivia.http.post("/api/users/signout").json() == {}

        assert set(olivia.http.cookies) <= {"known_device"}
        assert olivia.http.get("/api/users/currentuser").json() == {"currentUser": None}

    def test_ends_the_session_in_every_service(self, olivia, anybody):
        bearer = {"Authorization": f"Bearer {olivia.http.cookies['access_token']}"}
        mine = ["/api/orders", "/api/payments", "/api/tickets", "/api/users/currentuser"]
        assert [anybody.get(path, headers=bearer).status_code for path in mine] == [200] * 4

        olivia.http.post("/api/users/signout")

        waiting.until(
            lambda: [anybody.get(path, headers=bearer).status_code for path in mine] == [401] * 4,
            seconds=people.SOON,
            what="the session to be refused everywhere",
        )

    def test_of_nobody_is_fine(self, anybody):
        assert anybody.post("/api/users/signout").status_code == 200


class TestNobody:
    def test_is_currently_null(self, anybody):
        assert anybody.get("/api/users/currentuser").json() == {"currentUser": None}

    def test_may_look_but_not_touch(self, olivia, anybody):
        ticket = olivia.offers()

        assert anybody.get(people.path(ticket)).status_code == 200
        for method, path in [
            ("POST", "/api/tickets"),
            ("PUT", people.path(ticket)),
            ("PATCH", people.path(ticket)),
            ("DELETE", people.path(ticket)),
            ("GET", "/api/orders"),
            ("POST", "/api/orders"),
            ("GET", "/api/payments"),
            ("POST", "/api/payments"),
        ]:
            people.assert_refused(anybody.request(method, path, json={}), 401)


def test_a_renewed_session_has_other_tokens(olivia):
    before = dict(olivia.http.cookies)

    assert olivia.http.post("/api/users/refresh").status_code == 200

    assert olivia.http.cookies["access_token"] != before["access_token"]
    assert olivia.http.cookies["refresh_token"] != before["refresh_token"]
    assert olivia.http.get("/api/orders").status_code == 200


def _alike(answer):
    its_own = {"x-request-id", "traceparent", "date"}
    return {name: value for name, value in answer.headers.items() if name not in its_own}
