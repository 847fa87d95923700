import pytest
from django.contrib import admin, messages
from django.contrib.messages import storage
from django.http import HttpResponse
from django.test import Client, RequestFactory

from shared.identity import admin_site, models
from tests.shared.identity import people

pytestmark = [pytest.mark.urls("tests.shared.identity.urls"), pytest.mark.django_db]

HOME = "/admin/orders/"
USERS = "/admin/orders/identity/user/"


def known(**members):
    return models.User.objects.create(pk=people.OPHELIA, email="ophelia@elsinore.dk", **members)


def remembering(**cookies):
    """A browser whose access token has run out; the readable marker says that it had signed in."""
    client = Client()
    for name, value in {"signed_in": "1", **cookies}.items():
        client.cookies[name] = value
    return client


@pytest.fixture
def browser(held):
    client = Client()
    held.sign_in(client, user_id=people.OPHELIA, roles=["admin"])
    return client


class TestTheDoor:
    def test_is_our_site(self):
        assert isinstance(admin.site._wrapped if hasattr(admin.site, "_wrapped") else admin.site, admin_site.Site)

    @pytest.mark.parametrize("path", [HOME, USERS, f"{USERS}?q=a%20b", f"{HOME}login/"])
    def test_sends_nobody_to_the_sign_in_page(self, held, path):
        response = Client().get(path)

        assert response.status_code == 303
        assert response.headers["Location"].startswith("/admin/?next=/admin/orders/")
        assert "&" not in response.headers["Location"]

    @pytest.mark.parametrize("method", ["get", "head"])
    def test_sends_whoever_has_a_session_to_have_it_renewed(self, held, method):
        response = getattr(remembering(), method)(f"{USERS}?q=a%20b&p=2")

        assert response.status_code == 303
        assert response.headers["Location"] == (
            "/api/users/resume?next=/admin/orders/identity/user/%3Fq%3Da%2520b%26p%3D2"
        )

    def test_sends_nobody_there_twice_in_a_row(self, held):
        response = remembering(resumed="1").get(HOME)

        assert response.headers["Location"] == "/admin/?next=/admin/orders/"

    def test_sends_nobody_there_whose_token_is_good(self, browser):
        known(roles=["admin"])
        browser.cookies["signed_in"] = "1"

        assert browser.get(HOME).status_code == 200

    def test_says_403_to_somebody_who_is_not_staff_and_never_redirects(self, browser):
        known(roles=[])

        response = browser.get(HOME)

        assert response.status_code == 403
        assert "Not for this account" in response.content.decode()
        assert "Location" not in response.headers

    def test_says_503_to_staff_that_the_copy_does_not_know_yet(self, browser):
        response = browser.get(HOME)

        assert response.status_code == 503
        assert (response.headers["Retry-After"], response.headers["Refresh"]) == ("1", "1")

    def test_says_403_to_an_unknown_who_does_not_even_claim_to_be_staff(self, held):
        client = Client()
        held.sign_in(client, user_id=people.OPHELIA)

        assert client.get(HOME).status_code == 403

    @pytest.mark.parametrize("roles", [["admin"], ["support"], ["finance"], ["moderator"]])
    def test_is_open_to_staff(self, browser, roles):
        known(roles=roles)

        response = browser.get(HOME)

        assert response.status_code == 200
        assert "ophelia@elsinore.dk" in response.content.decode()

    def test_is_shut_at_the_next_request_after_a_demotion(self, browser):
        user = known(roles=["admin"])
        assert browser.get(USERS).status_code == 200

        models.User.objects.filter(pk=user.pk).update(roles=[])

        assert browser.get(USERS).status_code == 403

    def test_has_no_password_form_of_its_own(self, browser):
        known(roles=["admin"])

        assert browser.get(f"{HOME}password_change/").status_code == 404
        assert browser.post(f"{HOME}login/", {"username": "a", "password": "b"}).status_code == 303


class TestAFormThatComesTooLate:
    REASON = '"><script>alert(1)</script>'

    @pytest.fixture(params=[{}, {"resumed": "1"}])
    def late(self, held, request):
        return remembering(**request.param).post(USERS, {"action": "ban", "reason": self.REASON, "who": ["1", "2"]})

    def test_is_not_redirected(self, late):
        assert late.status_code == 401
        assert "Location" not in late.headers
        assert late.headers["WWW-Authenticate"].startswith("Bearer")

    def test_is_shown_again_as_typed(self, late):
        page = late.content.decode()

        assert f'action="{USERS}"' in page
        assert 'name="action" value="ban"' in page
        assert [page.count(f'name="who" value="{who}"') for who in "12"] == [1, 1]
        assert "<script" not in page
        assert 'name="reason" value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in page

    def test_of_another_site_is_not_shown(self, held):
        stranger = Client(enforce_csrf_checks=True)

        response = stranger.post(USERS, {"action": "ban", "reason": "revenge"})

        assert response.status_code == 403
        assert "revenge" not in response.content.decode()


class TestThePages:
    @pytest.mark.parametrize("path", ["", "identity/user/", "identity/revokedsession/", "identity/publickey/"])
    def test_are_shown_to_staff(self, browser, path):
        known(roles=["support"])

        assert browser.get(f"{HOME}{path}").status_code == 200

    @pytest.mark.parametrize("path", ["add/", f"{people.OPHELIA}/delete/"])
    def test_change_nothing_not_even_for_an_admin(self, browser, path):
        known(roles=["admin"])

        assert browser.get(f"{USERS}{path}").status_code == 403
        assert browser.post(f"{USERS}{people.OPHELIA}/change/", {"active": ""}).status_code == 403

    def test_have_no_inline_script_or_style(self, browser):
        known(roles=["admin"])

        page = browser.get(f"{USERS}{people.OPHELIA}/change/").content.decode()
        assert "<style" not in page
        assert ' style="' not in page
        assert all("src=" in tag or 'type="application/json"' in tag for tag in tags(page, "script"))

    def test_offer_no_groups(self, browser):
        known(roles=["admin"])

        assert "/auth/group/" not in browser.get(HOME).content.decode()

    def test_sign_out_through_auth(self, browser):
        known(roles=["admin"])

        assert 'action="/api/users/signout?next=/admin/"' in browser.get(HOME).content.decode()


def tags(page, name):
    return [part.split(">")[0] for part in page.split(f"<{name}")[1:]]


class TestCookies:
    def test_of_django_stay_below_the_services_own_admin(self, browser):
        known(roles=["admin"])

        response = browser.get(USERS)

        assert all(morsel["path"] == HOME for morsel in response.cookies.values())

    def test_of_messages_stay_there_too(self):
        request = RequestFactory().get(HOME)
        kept = storage.default_storage(request)
        kept.add(messages.INFO, "done")
        response = HttpResponse()

        kept.update(response)

        assert {(m["path"], bool(m["httponly"]), m["samesite"]) for m in response.cookies.values()} == {
            (HOME, True, "Lax")
        }

    def test_of_messages_are_taken_away_where_they_were_put(self):
        request = RequestFactory().get(HOME)
        request.COOKIES["messages"] = "nonsense"
        kept, response = storage.default_storage(request), HttpResponse()
        list(kept)

        kept.update(response)

        assert {m["path"] for m in response.cookies.values()} == {HOME}
