"""`/admin/`: one sign-in for the admins of all services; and `/admin/auth/` behind it."""

import pytest
from django.test import Client

from auth_service.users import commands
from shared import clock
from shared.messaging import topology
from tests.auth import world

WHY = "there is something rotten"


def submit(browser, email=world.HAMLET, password=world.PASSWORD, **fields):
    return browser.post("/admin/", {"email": email, "password": password, **fields})


@pytest.fixture
def king(elsinore):
    """A browser in which an administrator has signed in."""
    commands.make_staff(email="claudius@elsinore.dk", password=elsinore.PASSWORD, now=clock.now())
    browser = elsinore.client()
    assert elsinore.sign_in("claudius@elsinore.dk", browser=browser).status_code == 200
    return browser


class TestHome:
    @pytest.mark.parametrize("path", ["/admin/", "/admin"])
    def test_shows_nobody_the_form(self, elsinore, path):
        response = elsinore.client().get(path)

        page = response.content.decode()
        assert response.status_code == 200
        assert 'name="email"' in page
        assert 'type="password"' in page

    def test_shows_whoever_is_signed_in_the_admins_of_all_services(self, elsinore):
        page = elsinore.sign_up().get("/admin/").content.decode()

        for name in topology.SERVICES:
            assert f'href="/admin/{name}/"' in page
        assert 'name="email"' not in page

    def test_asks_again_whoever_was_sent_here_by_an_admin(self, elsinore):
        page = elsinore.sign_up().get("/admin/?next=/admin/orders/").content.decode()

        assert 'name="email"' in page
        assert 'value="/admin/orders/"' in page

    def test_sends_whoever_has_a_session_to_renew_there_first(self, elsinore):
        browser = elsinore.sign_up()
        del browser.cookies["access_token"]

        response = browser.get("/admin/?next=/admin/orders/")

        assert response.status_code == 303
        assert response.headers["Location"] == "/api/users/resume?next=/admin/%3Fnext%3D/admin/orders/"

    def test_has_neither_inline_script_nor_inline_style_and_says_so(self, elsinore):
        response = elsinore.client().get("/admin/")

        page = response.content.decode()
        assert "<style" not in page
        assert "<script" not in page
        assert " style=" not in page
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy

    def test_is_stored_nowhere(self, elsinore):
        assert "no-store" in elsinore.client().get("/admin/").headers["Cache-Control"]


class TestSignIn:
    def test_leads_to_the_list_of_admins(self, elsinore):
        elsinore.sign_up()
        browser = elsinore.client()

        response = submit(browser)

        assert (response.status_code, response.headers["Location"]) == (303, "/admin/")
        assert set(response.cookies) == {"access_token", "refresh_token", "signed_in", "known_device"}
        assert elsinore.current_user(browser)["email"] == elsinore.HAMLET

    def test_leads_on_to_where_one_wanted_to_go(self, elsinore):
        elsinore.sign_up()

        response = submit(elsinore.client(), next="/admin/orders/orders/order/?q=a%20b")

        assert response.headers["Location"] == "/admin/orders/orders/order/?q=a%20b"

    @pytest.mark.parametrize(
        "wanted",
        ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
         "/\t/evil.example", "/a\r\nSet-Cookie: b=c", "admin/", "", " /admin/", "/admin/\x00", "/" + "a" * 3000],
    )  # fmt: skip
    def test_never_leads_elsewhere(self, elsinore, wanted):
        elsinore.sign_up()

        response = submit(elsinore.client(), next=wanted)

        assert response.headers["Location"] == "/admin/"

    @pytest.mark.parametrize(
        ("email", "password"), [(world.HAMLET, "wrong-password"), ("yorick@elsinore.dk", world.PASSWORD)]
    )
    def test_refuses_alike_and_keeps_where_one_wanted_to_go(self, elsinore, email, password):
        elsinore.sign_up()

        response = submit(elsinore.client(), email=email, password=password, next="/admin/orders/")

        page = response.content.decode()
        assert response.status_code == 400
        assert "Invalid credentials" in page
        assert 'value="/admin/orders/"' in page
        assert password not in page
        assert not response.cookies

    @pytest.mark.parametrize("fields", [{"email": ""}, {"password": ""}, {"email": "a\x00b"}, {"email": "x" * 300}])
    def test_refuses_half_a_form(self, elsinore, fields):
        assert submit(elsinore.client(), **fields).status_code == 400

    def test_escapes_what_was_typed(self, elsinore):
        page = submit(elsinore.client(), email='"><script>alert(1)</script>').content.decode()

        assert "<script>" not in page

    def test_is_throttled_like_the_api(self, elsinore, settings):
        settings.SIGN_IN_FAILURES_PER_ACCOUNT = 1
        elsinore.sign_in(password="wrong-password")

        response = submit(elsinore.client())

        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) > 0

    @pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
    def test_is_refused_from_another_site(self, elsinore, headers):
        elsinore.sign_up()

        response = submit(Client(headers=headers))

        assert response.status_code == 403
        assert not response.cookies


class TestSignOut:
    FORM = "/api/users/signout?next=/admin/"

    def test_ends_the_session_and_shows_the_form(self, elsinore):
        browser = elsinore.sign_up()

        response = browser.post(self.FORM)

        assert (response.status_code, response.headers["Location"]) == (303, "/admin/")
        assert elsinore.session().revoked_at is not None
        assert elsinore.current_user(browser) is None

    def test_ends_one_whose_access_token_has_run_out(self, elsinore):
        browser = elsinore.sign_up()
        del browser.cookies["access_token"]

        browser.post(self.FORM)

        assert elsinore.session().revoked_at is not None

    def test_is_what_the_pages_ask_for(self, elsinore):
        assert f'action="{self.FORM}"' in elsinore.sign_up().get("/admin/").content.decode()

    def test_is_fine_for_nobody(self, elsinore):
        assert elsinore.client().post(self.FORM).status_code == 303

    def test_leads_nowhere_else_and_then_ends_nothing(self, elsinore):
        response = elsinore.sign_up().post("/api/users/signout?next=//evil.example")

        assert response.status_code == 400
        assert elsinore.session().revoked_at is None


class TestTheAdminOfAuth:
    def test_sends_nobody_to_the_sign_in_page(self, elsinore):
        response = elsinore.client().get("/admin/auth/users/user/")

        assert response.status_code == 303
        assert response.headers["Location"] == "/admin/?next=/admin/auth/users/user/"

    def test_refuses_who_is_not_staff(self, elsinore):
        assert elsinore.sign_up().get("/admin/auth/").status_code == 403

    @pytest.mark.parametrize(
        "path",
        ["", "users/user/", "users/user/?q=claudius", "users/session/", "users/session/?q=claudius",
         "users/signingkey/", "messaging/parkedmessage/", "identity/revokedsession/"],
    )  # fmt: skip
    def test_shows_its_pages_to_staff(self, king, path):
        response = king.get(f"/admin/auth/{path}")

        assert response.status_code == 200
        assert "unsafe-inline" not in response.headers["Content-Security-Policy"]

    def test_shows_no_password_hash_and_no_private_key(self, king, elsinore):
        user = elsinore.user("claudius@elsinore.dk")
        key = commands.ensure_signing_key(now=clock.now())

        page = king.get(f"/admin/auth/users/user/{user.pk}/change/").content.decode()
        page += king.get(f"/admin/auth/users/signingkey/{key.kid}/change/").content.decode()

        assert "argon2" not in page
        assert "ealed" not in page

    def act(self, browser, action, *users):
        browser.get("/admin/auth/users/user/")
        fields = {"action": action, "_selected_action": [str(user.pk) for user in users], "reason": WHY}
        token = browser.cookies["csrftoken"].value
        return browser.post("/admin/auth/users/user/", {**fields, "csrfmiddlewaretoken": token}, follow=True)

    def test_bans_and_reinstates_through_commands_and_logs_who_did_it(self, king, elsinore):
        victim = elsinore.sign_up()

        response = self.act(king, "ban", elsinore.user())

        assert "amlet@elsinore.dk is banned." in response.content.decode()  # the page begins it with a capital
        assert elsinore.current_user(victim) is None
        assert len(elsinore.said("user.banned")) == 1
        self.act(king, "reinstate", elsinore.user())
        assert elsinore.user().active
        history = king.get(f"/admin/auth/users/user/{elsinore.user().pk}/history/").content.decode()
        assert "claudius@elsinore.dk" in history
        assert "banned" in history
        assert WHY in history

    def test_says_what_was_refused(self, king, elsinore):
        elsinore.sign_up()

        response = self.act(king, "reinstate", elsinore.user())

        assert "is not banned" in response.content.decode()

    def test_a_supporter_looks_but_does_not_ban(self, king, elsinore):
        browser = elsinore.sign_up()
        commands.set_roles(user_id=elsinore.user().pk, roles=["support"], by=None)

        assert browser.get("/admin/auth/users/user/").status_code == 200
        self.act(browser, "ban", elsinore.user("claudius@elsinore.dk"))
        assert not elsinore.said("user.banned")

    def test_an_action_needs_its_form(self, king, elsinore):
        elsinore.sign_up()
        strict = type(king)(enforce_csrf_checks=True)
        strict.cookies = king.cookies

        response = strict.post(
            "/admin/auth/users/user/", {"action": "ban", "_selected_action": [str(elsinore.user().pk)]}
        )

        assert response.status_code == 403
        assert elsinore.user().active

    def test_shuts_when_its_visitor_is_banned(self, king, elsinore):
        assert king.get("/admin/auth/").status_code == 200

        commands.ban_user(user_id=elsinore.user("claudius@elsinore.dk").pk, now=clock.now())

        assert king.get("/admin/auth/").status_code == 303

    def test_shuts_when_its_visitor_loses_his_role(self, king, elsinore):
        commands.make_staff(email="gertrude@elsinore.dk", password=elsinore.PASSWORD, now=clock.now())

        commands.set_roles(user_id=elsinore.user("claudius@elsinore.dk").pk, roles=[], by=None)

        assert king.get("/admin/auth/").status_code == 403

    def test_answers_the_list_of_users_with_few_queries(self, king, elsinore, django_assert_max_num_queries):
        for number in range(12):
            elsinore.sign_up(f"player{number}@elsinore.dk")

        with django_assert_max_num_queries(16):
            king.get("/admin/auth/users/session/")
