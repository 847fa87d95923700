"""One sign-in for four admins, clicked through."""

import time

import pytest

from shared.messaging import topology
from shared.testing import waiting

THIRTY_DAYS = 30 * 24 * 3600


class TestSigningIn:
    def test_leads_to_the_page_that_was_asked_for_and_through_every_admin(self, horatio):
        horatio.opens("/admin/orders/")
        assert horatio.place == "/admin/?next=/admin/orders/"

        horatio.signs_in()

        assert horatio.place == "/admin/orders/"
        for office in topology.SERVICES:
            horatio.clicks("All admins")
            horatio.clicks(office.capitalize())
            assert horatio.place == f"/admin/{office}/"
            assert f"Admit One: {office}" in horatio.page.inner_text("#header")

    def test_says_what_is_wrong_and_keeps_where_one_wanted_to_go(self, yorick):
        yorick.opens("/admin/tickets/")

        yorick.page.fill("input[name=email]", yorick.email)
        yorick.page.fill("input[name=password]", "not his password")
        with yorick.page.expect_navigation():
            yorick.page.click("input[type=submit]")

        assert "Invalid credentials" in yorick.page.inner_text("[role=alert]")
        yorick.signs_in()
        assert yorick.place == "/admin/tickets/"

    def test_lets_nobody_in_who_is_no_staff(self, yorick):
        yorick.opens("/admin/payments/")
        yorick.signs_in()

        assert "Not for this account" in yorick.page.inner_text("h1")
        assert yorick.opens("/admin/payments/").status == 403


class TestCookies:
    def test_are_what_the_contract_says(self, horatio):
        horatio.opens("/admin/")
        horatio.signs_in()

        said = {
            name: (cookie["path"], cookie["httpOnly"], cookie["sameSite"], cookie["secure"])
            for name, cookie in horatio.cookies.items()
        }
        assert said["access_token"] == ("/", True, "Lax", False)
        assert said["refresh_token"] == ("/api/users", True, "Lax", False)
        assert said["signed_in"] == ("/", False, "Lax", False)
        assert horatio.cookies["access_token"]["expires"] == pytest.approx(time.time() + 900, abs=60)
        assert horatio.cookies["refresh_token"]["expires"] == pytest.approx(time.time() + THIRTY_DAYS, abs=60)

    def test_hide_the_tokens_from_scripts(self, horatio):
        horatio.opens("/admin/")
        horatio.signs_in()

        assert horatio.page.evaluate("document.cookie") == "signed_in=1"


class TestAnAccessTokenThatHasExpired:
    def test_is_renewed_on_the_way(self, horatio):
        horatio.opens("/admin/")
        horatio.signs_in()
        before = horatio.cookies["refresh_token"]["value"]
        horatio.forgets("access_token")

        horatio.opens("/admin/orders/")

        assert horatio.place == "/admin/orders/"
        assert "access_token" in horatio.cookies
        assert horatio.cookies["refresh_token"]["value"] != before

    def test_leads_to_the_form_when_there_is_nothing_to_renew(self, horatio):
        horatio.opens("/admin/")
        horatio.signs_in()
        horatio.forgets("access_token")
        horatio.forgets("refresh_token")

        horatio.opens("/admin/orders/")

        assert horatio.place == "/admin/?next=/admin/orders/"


class TestSigningOut:
    def test_closes_every_admin(self, horatio):
        horatio.opens("/admin/")
        horatio.signs_in()
        horatio.opens("/admin/orders/")

        horatio.clicks("Sign out")

        assert not {"access_token", "refresh_token", "signed_in"} & horatio.cookies.keys()
        for office in topology.SERVICES:
            horatio.opens(f"/admin/{office}/")
            assert horatio.place == f"/admin/?next=/admin/{office}/"

    def test_is_heard_by_an_admin_that_is_open_in_another_browser(self, horatio, visitor):
        other = visitor()
        horatio.opens("/admin/")
        horatio.signs_in()
        other.context.add_cookies(horatio.context.cookies())
        assert other.opens("/admin/orders/").status == 200

        horatio.opens("/admin/")
        horatio.clicks("Sign out")

        waiting.until(
            lambda: other.opens("/admin/orders/") and other.place.startswith("/admin/?next="),
            seconds=10,
            what="the other browser to be shown the form",
        )


class TestAnotherSite:
    @pytest.mark.parametrize("target", ["/api/users/signin", "/admin/", "/api/users/signout"])
    def test_cannot_act_with_the_cookies_of_this_one(self, horatio, target):
        horatio.opens("/admin/")
        horatio.signs_in()
        form = f'<form method="post" action="{horatio.market.url}{target}"><button>Win a prize</button></form>'
        horatio.context.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=form))
        horatio.opens("http://evil.example/")

        with horatio.page.expect_navigation() as navigation:
            horatio.page.click("text=Win a prize")

        assert navigation.value.status == 403
        horatio.opens("/admin/orders/")
        assert horatio.place == "/admin/orders/"
