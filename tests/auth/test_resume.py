"""A page whose visitor's access token has run out: once to auth and back, and never in a circle."""

import pytest

from auth_service.users import commands
from shared import clock
from shared.testing import callers
from tests.auth import world

PAGE = "/admin/orders/orders/order/?q=a%20b"


def resume(browser, wanted=PAGE):
    return browser.get("/api/users/resume", {"next": wanted})


def without_access(browser):
    """As a browser is when the access token has run out."""
    del browser.cookies["access_token"]
    return browser


class TestResume:
    @pytest.mark.parametrize("path", ["/api/users/resume", "/api/users/resume/"])
    def test_renews_the_session_and_leads_on(self, elsinore, path):
        browser = without_access(elsinore.sign_up())
        before = elsinore.refresh_token(browser)

        response = browser.get(path, {"next": PAGE})

        assert (response.status_code, response.headers["Location"]) == (303, PAGE)
        assert elsinore.current_user(browser)["email"] == elsinore.HAMLET
        assert elsinore.refresh_token(browser) != before
        assert elsinore.session().generation == 1

    def test_is_remembered_for_ten_seconds_where_scripts_do_not_see_it(self, elsinore):
        cookie = resume(elsinore.sign_up()).cookies["resumed"]

        assert (cookie["max-age"], cookie["path"], cookie["samesite"]) == (10, "/", "Lax")
        assert cookie["httponly"]

    def test_is_stored_nowhere(self, elsinore):
        assert resume(elsinore.sign_up()).headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("end", ["forged", "missing", "revoked", "banned", "expired", "used twice"])
    def test_of_no_session_leads_to_the_sign_in_page_and_forgets_it(self, elsinore, end):
        browser = ended(elsinore.sign_up(), end)

        response = resume(browser)

        assert response.status_code == 303
        assert response.headers["Location"] == "/admin/?next=/admin/orders/orders/order/%3Fq%3Da%2520b"
        kept = {name for name, cookie in response.cookies.items() if cookie["max-age"]}
        assert kept == {"resumed"}
        assert response.cookies["signed_in"]["max-age"] == 0

    def test_with_a_token_that_was_used_before_ends_the_session_for_good(self, elsinore):
        browser = ended(elsinore.sign_up(), "used twice")

        resume(browser)

        assert elsinore.session().revoked_at is not None
        assert len(elsinore.said("session.revoked")) == 1

    @pytest.mark.parametrize(
        "wanted",
        ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "admin/", " /", "",
         "/\t/evil.example", "/a\r\nSet-Cookie: b=c", "/\x7f", "/a b", "javascript:alert(1)", "/" + "a" * 2000],
    )  # fmt: skip
    def test_leads_nowhere_else(self, elsinore, wanted):
        browser = elsinore.sign_up()

        assert callers.blamed(resume(browser, wanted)) == {"next"}
        assert elsinore.session().generation == 0

    def test_has_to_be_told_where_to_go(self, elsinore):
        assert callers.blamed(elsinore.sign_up().get("/api/users/resume")) == {"next"}

    def test_of_two_tabs_at_once_goes_well_for_both(self, elsinore):
        browser = elsinore.sign_up()
        token = elsinore.refresh_token(browser)
        resume(browser)
        browser.cookies["refresh_token"] = token

        assert resume(browser).headers["Location"] == PAGE
        assert elsinore.session().generation == 1

    def test_is_no_business_of_a_post(self, elsinore):
        assert elsinore.post(elsinore.sign_up(), "resume?next=/").status_code == 405


def ended(browser, how):
    if how == "forged":
        browser.cookies["refresh_token"] = world.refresh_token(browser)[:-1] + "!"
    elif how == "missing":
        del browser.cookies["refresh_token"]
    elif how == "revoked":
        commands.sign_out(session_id=world.session().pk, refresh_token=None, now=clock.now())
    elif how == "banned":
        commands.ban_user(user_id=world.user().pk, now=clock.now())
    elif how == "expired":
        world.expired()
    else:
        token = world.refresh_token(browser)
        resume(browser)
        resume(browser)
        browser.cookies["refresh_token"] = token
    return browser


class TestTheWayRound:
    def test_ends_at_the_page_that_was_wanted(self, elsinore):
        commands.make_staff(email=elsinore.HAMLET, password=elsinore.PASSWORD, now=clock.now())
        browser = elsinore.client()
        elsinore.sign_in(browser=browser)

        response = without_access(browser).get("/admin/auth/users/user/?q=ham", follow=True)

        assert [step.partition("?")[0] for step, _ in response.redirect_chain] == [
            "/api/users/resume",
            "/admin/auth/users/user/",
        ]
        assert response.status_code == 200
        assert response.request["QUERY_STRING"] == "q=ham"

    def test_ends_at_the_form_where_the_session_is_over(self, elsinore):
        browser = without_access(elsinore.sign_up())
        elsinore.expired()

        response = browser.get("/admin/auth/", follow=True)

        assert [step.partition("?")[0] for step, _ in response.redirect_chain] == ["/api/users/resume", "/admin/"]
        assert 'value="/admin/auth/"' in response.content.decode()

    def test_ends_at_the_form_where_the_browser_does_not_keep_what_it_is_given(self, elsinore):
        browser = without_access(elsinore.sign_up())

        first = browser.get("/admin/auth/", follow=False)
        back = browser.get(first.headers["Location"])
        response = without_access(browser).get(back.headers["Location"], follow=True)

        assert [step.partition("?")[0] for step, _ in response.redirect_chain] == ["/admin/"]
        assert 'name="password"' in response.content.decode()
