import uuid

import pytest

from auth_service.users import commands, models
from shared import clock
from shared.identity import models as identity
from shared.identity import tokens


class TestCurrentUser:
    def test_is_null_for_nobody(self, elsinore):
        response = elsinore.client().get("/api/users/currentuser")

        assert response.status_code == 200
        assert response.json() == {"currentUser": None}

    @pytest.mark.parametrize("token", ["nonsense", "a.b.c", "", "x" * 5000])
    def test_is_null_for_an_invalid_cookie(self, elsinore, token):
        browser = elsinore.client()
        browser.cookies["access_token"] = token

        assert elsinore.current_user(browser) is None

    def test_refuses_an_invalid_bearer(self, elsinore):
        response = elsinore.client().get("/api/users/currentuser", headers={"Authorization": "Bearer nonsense"})

        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.headers["Content-Type"] == "application/problem+json"

    def test_knows_a_bearer(self, elsinore):
        token = elsinore.sign_up().cookies["access_token"].value

        response = elsinore.client().get("/api/users/currentuser", headers={"Authorization": f"Bearer {token}"})

        assert response.json()["currentUser"]["email"] == elsinore.HAMLET

    def test_tells_the_roles_of_now(self, elsinore):
        browser = elsinore.sign_up()

        commands.set_roles(user_id=elsinore.user().pk, roles=["support"], by=None)

        assert elsinore.current_user(browser)["roles"] == ["support"]

    def test_is_never_stored_by_a_cache(self, elsinore):
        response = elsinore.sign_up().get("/api/users/currentuser")

        assert response.headers["Cache-Control"] == "no-store"


class TestSignOut:
    def test_clears_the_cookies_and_ends_the_session(self, elsinore):
        browser = elsinore.sign_up()
        access, refresh = browser.cookies["access_token"].value, elsinore.refresh_token(browser)

        response = elsinore.post(browser, "signout")

        assert (response.status_code, response.json()) == (200, {})
        assert {name: morsel["max-age"] for name, morsel in response.cookies.items()} == {
            "access_token": 0,
            "refresh_token": 0,
            "signed_in": 0,
        }
        bearer = elsinore.client().get("/api/users/currentuser", headers={"Authorization": f"Bearer {access}"})
        assert bearer.status_code == 401
        assert elsinore.post(elsinore.client(), "refresh", {"refresh": refresh}).status_code == 401

    def test_tells_the_other_services(self, elsinore):
        browser = elsinore.sign_up()
        session = elsinore.session()

        elsinore.post(browser, "signout")

        (event,) = elsinore.said("session.revoked")
        assert event.subject == str(session.pk) == event.data["id"]
        assert event.data["userId"] == str(elsinore.user().pk)
        assert event.aggregate_version is None
        revoked = identity.RevokedSession.objects.get(pk=session.pk)
        assert revoked.expires_at > session.seen_at + tokens.life()

    def test_leaves_the_users_other_sessions(self, elsinore):
        first, second = elsinore.sign_up(), elsinore.client()
        elsinore.sign_in(browser=second)

        elsinore.post(first, "signout")

        assert elsinore.current_user(second) is not None

    def test_ends_a_session_whose_access_token_is_gone(self, elsinore):
        browser = elsinore.sign_up()
        del browser.cookies["access_token"]

        elsinore.post(browser, "signout")

        assert len(elsinore.said("session.revoked")) == 1

    def test_is_fine_for_nobody_and_twice(self, elsinore):
        browser = elsinore.sign_up()

        answers = [elsinore.post(elsinore.client(), "signout")]
        answers += [elsinore.post(browser, "signout") for _ in range(2)]

        assert {answer.status_code for answer in answers} == {200}
        assert len(elsinore.said("session.revoked")) == 1

    def test_is_refused_from_another_site(self, elsinore):
        browser = elsinore.sign_up()

        response = elsinore.post(browser, "signout", **{"Sec-Fetch-Site": "cross-site"})

        assert response.status_code == 403
        assert elsinore.current_user(browser) is not None


class TestRefresh:
    def test_renews_both_tokens(self, elsinore):
        browser = elsinore.sign_up()
        access, refresh = browser.cookies["access_token"].value, elsinore.refresh_token(browser)

        response = elsinore.post(browser, "refresh")

        assert response.status_code == 200
        assert elsinore.refresh_token(browser) != refresh
        assert browser.cookies["access_token"].value != access
        assert elsinore.current_user(browser)["email"] == elsinore.HAMLET
        assert elsinore.session().generation == 1

    def test_takes_the_token_from_the_body_as_well(self, elsinore):
        token = elsinore.refresh_token(elsinore.sign_up())

        response = elsinore.post(elsinore.client(), "refresh", {"refresh": token})

        assert response.status_code == 200
        assert response.cookies["refresh_token"].value != token

    def test_keeps_the_session(self, elsinore):
        browser = elsinore.sign_up()
        before = elsinore.access_claims(browser)["sid"]

        elsinore.post(browser, "refresh")

        assert elsinore.access_claims(browser)["sid"] == before

    def test_gives_the_preceding_token_the_current_one_for_ten_seconds(self, elsinore):
        browser = elsinore.sign_up()
        old = elsinore.refresh_token(browser)
        elsinore.post(browser, "refresh")
        elsinore.rotated(seconds_ago=9)

        response = elsinore.post(elsinore.client(), "refresh", {"refresh": old})

        assert response.status_code == 200
        assert response.cookies["refresh_token"].value == elsinore.refresh_token(browser)
        assert elsinore.session().generation == 1

    def test_ends_the_session_when_the_preceding_token_comes_later(self, elsinore):
        browser = elsinore.sign_up()
        old = elsinore.refresh_token(browser)
        elsinore.post(browser, "refresh")
        elsinore.rotated(seconds_ago=11)

        response = elsinore.post(elsinore.client(), "refresh", {"refresh": old})

        assert response.status_code == 401
        assert len(elsinore.said("session.revoked")) == 1
        assert elsinore.current_user(browser) is None
        assert elsinore.post(browser, "refresh").status_code == 401

    def test_ends_the_session_when_an_older_token_comes_at_any_time(self, elsinore):
        browser = elsinore.sign_up()
        oldest = elsinore.refresh_token(browser)
        elsinore.post(browser, "refresh")
        elsinore.post(browser, "refresh")

        response = elsinore.post(elsinore.client(), "refresh", {"refresh": oldest})

        assert response.status_code == 401
        assert elsinore.session().revoked_at is not None

    def test_ends_the_session_when_a_later_token_comes(self, elsinore):
        browser = elsinore.sign_up()
        elsinore.post(browser, "refresh")
        later = elsinore.refresh_token(browser)
        models.Session.objects.update(generation=0)  # as after a restore of an older database

        assert elsinore.post(elsinore.client(), "refresh", {"refresh": later}).status_code == 401
        assert elsinore.session().revoked_at is not None

    def test_says_of_a_reuse_only_once(self, elsinore):
        browser = elsinore.sign_up()
        old = elsinore.refresh_token(browser)
        elsinore.post(browser, "refresh")
        elsinore.rotated(seconds_ago=11)

        for _ in range(3):
            assert elsinore.post(elsinore.client(), "refresh", {"refresh": old}).status_code == 401

        assert len(elsinore.said("session.revoked")) == 1

    def test_refuses_after_thirty_days_without_use(self, elsinore):
        browser = elsinore.sign_up()
        elsinore.expired()

        assert elsinore.post(browser, "refresh").status_code == 401
        assert not elsinore.said("session.revoked")

    @pytest.mark.parametrize(
        "forge",
        [
            lambda family, generation, secret: f"{family}.{generation}.{secret[:-1]}",
            lambda family, generation, secret: f"{family}.{generation}.{secret.swapcase()}",
            lambda family, generation, secret: f"{family}.{int(generation) + 1}.{secret}",
            lambda family, generation, secret: f"{uuid.uuid4().hex}.{generation}.{secret}",
            lambda family, generation, secret: f"{family}.{generation}.",
            lambda family, generation, secret: f"{family}.{generation}",
            lambda family, generation, secret: f"{family}..{secret}",
            lambda family, generation, secret: f"{family}.0{generation}.{secret}",
            lambda family, generation, secret: f"{family}.-1.{secret}",
            lambda family, generation, secret: f"{family}.{'9' * 50}.{secret}",
            lambda family, generation, secret: f"{family}.٠.{secret}",
            lambda family, generation, secret: f"{uuid.UUID(family)}.{generation}.{secret}",
            lambda family, generation, secret: f"{family.upper()}.{generation}.{secret}",
            lambda family, generation, secret: f"{family}.{generation}.{secret}.{secret}",
            lambda family, generation, secret: f" {family}.{generation}.{secret}.",
            lambda family, generation, secret: "..",
            lambda family, generation, secret: "x",
        ],
    )  # fmt: skip
    def test_refuses_a_forged_token_and_leaves_the_session_alone(self, elsinore, forge):
        browser = elsinore.sign_up()
        forged = forge(*elsinore.refresh_token(browser).split("."))

        response = elsinore.post(elsinore.client(), "refresh", {"refresh": forged})

        assert response.status_code == 401
        assert elsinore.post(browser, "refresh").status_code == 200

    def test_refuses_an_access_token(self, elsinore):
        token = elsinore.sign_up().cookies["access_token"].value

        assert elsinore.post(elsinore.client(), "refresh", {"refresh": token}).status_code in (400, 401)

    def test_refuses_nothing(self, elsinore):
        response = elsinore.post(elsinore.client(), "refresh")

        assert response.status_code == 401
        assert response.json()["errors"]

    def test_works_while_the_access_cookie_is_stale(self, elsinore):
        browser = elsinore.sign_up()
        browser.cookies["access_token"] = "stale"

        assert elsinore.post(browser, "refresh").status_code == 200

    def test_a_refresh_token_is_no_access_token(self, elsinore):
        browser = elsinore.sign_up()
        browser.cookies["access_token"] = elsinore.refresh_token(browser)

        assert elsinore.current_user(browser) is None

    def test_no_token_is_stored(self, elsinore):
        browser = elsinore.sign_up()
        secret = elsinore.refresh_token(browser).split(".")[2]

        row = models.Session.objects.values().get()
        assert secret not in str(row)

    def test_keeps_the_time_of_the_last_token_also_in_the_grace(self, elsinore):
        browser = elsinore.sign_up()
        old = elsinore.refresh_token(browser)
        elsinore.post(browser, "refresh")
        before = elsinore.session().seen_at

        elsinore.post(elsinore.client(), "refresh", {"refresh": old})

        assert elsinore.session().seen_at > before


class TestCookies:
    def test_on_http(self, elsinore):
        cookies = elsinore.sign_up().cookies

        assert set(cookies) == {"access_token", "refresh_token", "signed_in", "known_device"}
        assert {
            name: (m["path"], bool(m["httponly"]), m["samesite"], bool(m["secure"])) for name, m in cookies.items()
        } == {
            "access_token": ("/", True, "Lax", False),
            "refresh_token": ("/api/users", True, "Lax", False),
            "signed_in": ("/", False, "Lax", False),
            "known_device": ("/", True, "Lax", False),
        }
        assert cookies["signed_in"].value == "1"
        assert {name: m["max-age"] for name, m in cookies.items()} == {
            "access_token": 900,
            "refresh_token": 30 * 86400,
            "signed_in": 30 * 86400,
            "known_device": 180 * 86400,
        }
        assert not any(m["domain"] for m in cookies.values())

    def test_on_https(self, elsinore, settings):
        settings.PUBLIC_ORIGIN = "https://tickets.example"

        cookies = elsinore.sign_up().cookies

        assert {
            name: (m["path"], bool(m["httponly"]), m["samesite"], bool(m["secure"])) for name, m in cookies.items()
        } == {
            "__Host-access_token": ("/", True, "Lax", True),
            "__Secure-refresh_token": ("/api/users", True, "Lax", True),
            "signed_in": ("/", False, "Lax", True),
            "__Host-known_device": ("/", True, "Lax", True),
        }

    def test_on_https_only_the_prefixed_names_are_read(self, elsinore, settings):
        browser = elsinore.sign_up()
        settings.PUBLIC_ORIGIN = "https://tickets.example"

        assert elsinore.current_user(browser) is None
        assert elsinore.post(browser, "refresh").status_code == 401

        settings.PUBLIC_ORIGIN = "http://testserver"
        assert elsinore.current_user(browser) is not None


class TestAccessToken:
    def test_has_the_agreed_claims(self, elsinore):
        browser = elsinore.sign_up()

        claims = elsinore.access_claims(browser)

        user = elsinore.user()
        assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "roles", "email"}
        assert (claims["iss"], claims["aud"]) == ("http://testserver", "admit-one")
        assert (claims["sub"], claims["sid"]) == (str(user.pk), str(elsinore.session().pk))
        assert (claims["email"], claims["roles"]) == (elsinore.HAMLET, [])
        assert 899 <= claims["exp"] - claims["iat"] <= 900

    def test_names_its_key_and_its_type_in_the_header(self, elsinore):
        header = elsinore.read_header(elsinore.sign_up().cookies["access_token"].value)

        key = commands.ensure_signing_key(now=clock.now())
        assert header == {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}

    def test_no_two_are_the_same(self, elsinore):
        browser = elsinore.sign_up()
        first = elsinore.access_claims(browser)["jti"]
        elsinore.post(browser, "refresh")

        assert elsinore.access_claims(browser)["jti"] != first
