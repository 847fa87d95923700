"""One's own account: where one is signed in, and another password."""

import json
import threading
from unittest import mock

import pytest

from auth_service.users import commands, models
from auth_service.users.commands import people
from shared import clock, ids
from shared.identity import models as identity
from shared.testing import races
from tests.auth import world

NEW = "words-words-words"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0"
    " Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def two_browsers(elsinore):
    """Hamlet is signed in at his desk and in the graveyard."""
    desk, graveyard = elsinore.sign_up(), elsinore.client(**{"User-Agent": FIREFOX})
    assert elsinore.sign_in(browser=graveyard).status_code == 200
    return desk, graveyard


def listed(browser):
    response = browser.get("/api/users/sessions")
    assert response.status_code == 200, response.content
    return response.json()


def session_of(browser):
    return world.access_claims(browser)["sid"]


def is_signed_in(browser):
    return world.current_user(browser) is not None


def change(browser, current=world.PASSWORD, new=NEW):
    return world.post(browser, "password", {"currentPassword": current, "newPassword": new})


def errors(response):
    return [(error.get("field"), error["code"]) for error in response.json()["errors"]]


class TestSessions:
    def test_are_listed_newest_first_with_the_one_that_asks(self, two_browsers):
        desk, graveyard = two_browsers

        rows = listed(desk)

        assert [row["id"] for row in rows] == [session_of(graveyard), session_of(desk)]
        assert [row["current"] for row in rows] == [False, True]
        assert rows[0]["device"] == "Firefox on Linux"
        assert set(rows[0]) == {"id", "device", "createdAt", "lastSeenAt", "current"}

    def test_that_are_over_are_not_listed(self, elsinore, two_browsers):
        desk, graveyard = two_browsers
        elsinore.post(graveyard, "signout")

        assert len(listed(desk)) == 1

    def test_of_others_are_not_listed(self, elsinore, two_browsers):
        assert len(listed(elsinore.sign_up(elsinore.OPHELIA))) == 1

    def test_come_in_pages(self, two_browsers):
        desk, _ = two_browsers

        first = desk.get("/api/users/sessions?limit=1")

        address = first.headers["Link"].partition(">")[0].removeprefix("<http://testserver")
        assert [row["id"] for row in desk.get(address).json()] == [session_of(desk)]

    @pytest.mark.parametrize(
        ("agent", "device"),
        [(FIREFOX, "Firefox on Linux"), (CHROME, "Chrome on Windows"), (SAFARI, "Safari on iPhone"),
         ("curl/8.5.0", "curl/8.5.0"), ("", "Unknown device"), ("   ", "Unknown device")],
    )  # fmt: skip
    def test_name_the_device_as_people_do(self, agent, device):
        assert models.Session(agent=agent).device == device

    def test_one_can_be_ended_from_another(self, elsinore, two_browsers):
        desk, graveyard = two_browsers

        response = desk.delete(f"/api/users/sessions/{session_of(graveyard)}")

        assert response.status_code == 204
        assert is_signed_in(desk)
        assert not is_signed_in(graveyard)
        assert [event.subject for event in elsinore.said("session.revoked")] == [session_of(graveyard)]

    def test_ending_one_twice_is_fine_and_said_once(self, elsinore, two_browsers):
        desk, graveyard = two_browsers

        answers = [desk.delete(f"/api/users/sessions/{session_of(graveyard)}") for _ in range(2)]

        assert {answer.status_code for answer in answers} == {204}
        assert len(elsinore.said("session.revoked")) == 1

    def test_ending_the_own_one_clears_the_cookies(self, two_browsers):
        desk, graveyard = two_browsers

        response = desk.delete(f"/api/users/sessions/{session_of(desk)}")

        assert response.cookies["access_token"]["max-age"] == 0
        assert not is_signed_in(desk)
        assert is_signed_in(graveyard)

    @pytest.mark.parametrize("wanted", ["nonsense", str(ids.new()), "1"])
    def test_there_is_none_of_that_name(self, two_browsers, wanted):
        assert two_browsers[0].delete(f"/api/users/sessions/{wanted}").status_code == 404

    def test_of_somebody_else_is_as_if_it_were_not_there(self, elsinore, two_browsers):
        stranger = elsinore.sign_up(elsinore.OPHELIA)

        assert stranger.delete(f"/api/users/sessions/{session_of(two_browsers[0])}").status_code == 404
        assert is_signed_in(two_browsers[0])

    def test_all_can_be_ended_at_once(self, elsinore, two_browsers):
        response = two_browsers[0].delete("/api/users/sessions")

        assert response.status_code == 204
        assert not any(map(is_signed_in, two_browsers))
        assert len(elsinore.said("session.revoked")) == 2
        assert identity.RevokedSession.objects.count() == 2

    @pytest.mark.parametrize(
        ("method", "path"), [("get", "sessions"), ("delete", "sessions"), ("delete", f"sessions/{ids.new()}")]
    )
    def test_are_nobodys_business(self, elsinore, method, path):
        assert getattr(elsinore.client(), method)(f"/api/users/{path}").status_code == 401


class TestChangePassword:
    def test_takes_the_new_one_and_ends_the_other_sessions(self, elsinore, two_browsers):
        desk, graveyard = two_browsers

        response = change(desk)

        assert (response.status_code, response.content) == (204, b"")
        assert is_signed_in(desk)
        assert not is_signed_in(graveyard)
        assert [event.subject for event in elsinore.said("session.revoked")] == [session_of(graveyard)]
        assert elsinore.sign_in(password=NEW).status_code == 200
        assert elsinore.sign_in().status_code == 400

    def test_ends_the_refresh_tokens_of_the_others_too(self, elsinore, two_browsers):
        desk, graveyard = two_browsers
        change(desk)

        assert elsinore.post(graveyard, "refresh").status_code == 401
        assert elsinore.post(desk, "refresh").status_code == 200

    def test_tells_the_owner_by_mail(self, elsinore, two_browsers, mailoutbox):
        change(two_browsers[0])

        elsinore.deliver()

        assert "Your password was changed | Admit One" in [mail.subject for mail in mailoutbox]

    def test_needs_the_present_one(self, elsinore, two_browsers):
        response = change(two_browsers[0], current="to-be-or-not-to-be")

        assert response.status_code == 400
        assert errors(response) == [("currentPassword", "invalid_credentials")]
        assert all(map(is_signed_in, two_browsers))
        assert elsinore.sign_in().status_code == 200

    def test_guessing_it_is_throttled_like_a_sign_in(self, elsinore, two_browsers, settings):
        settings.SIGN_IN_FAILURES_PER_ACCOUNT = 2
        answers = [change(two_browsers[0], current="a-wrong-guess") for _ in range(3)]

        assert [answer.status_code for answer in answers] == [400, 400, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0

    @pytest.mark.parametrize(
        ("new", "code"), [("short12", "min_length"), ("x" * 129, "max_length"), ("password123", "password_too_common")]
    )
    def test_wants_a_proper_new_one(self, two_browsers, new, code):
        response = change(two_browsers[0], new=new)

        assert response.status_code == 400
        assert errors(response) == [("newPassword", code)]

    def test_is_refused_to_nobody_and_from_another_site(self, elsinore, two_browsers):
        assert change(elsinore.client()).status_code == 401
        body = {"currentPassword": elsinore.PASSWORD, "newPassword": NEW}
        answer = elsinore.post(two_browsers[0], "password", body, **{"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403

    def test_makes_an_older_link_to_reset_it_worthless(self, elsinore, two_browsers, mailoutbox):
        commands.request_password_reset(email=elsinore.HAMLET, now=clock.now())
        elsinore.deliver()
        (reset,) = [mail for mail in mailoutbox if "/account/reset" in mail.body]
        change(two_browsers[0])

        _, token = elsinore.link(reset)
        answer = elsinore.post(elsinore.client(), "password-reset/confirm", {"token": token, "password": NEW})

        assert answer.status_code == 400


def close(browser, password=world.PASSWORD):
    body = json.dumps({"password": password})
    return browser.delete("/api/users/me", body, content_type="application/json")


class TestClosing:
    def test_ends_the_account_and_forgets_who_it_was(self, elsinore, two_browsers):
        desk, graveyard = two_browsers
        user_id = elsinore.user().pk

        response = close(desk)

        assert (response.status_code, response.cookies["access_token"]["max-age"]) == (204, 0)
        closed = models.User.objects.get(pk=user_id)
        assert (closed.email, closed.password, closed.active) == (None, "", False)
        assert not is_signed_in(graveyard)
        assert elsinore.sign_in().status_code == 400
        (event,) = elsinore.said("user.closed")
        assert (event.subject, event.data["email"]) == (str(user_id), None)

    def test_frees_the_address(self, elsinore, two_browsers):
        close(two_browsers[0])

        assert is_signed_in(elsinore.sign_up())

    def test_needs_the_password(self, elsinore, two_browsers):
        for password, refusal in (("a-wrong-guess", "invalid_credentials"), ("", "blank")):
            answer = close(two_browsers[0], password)
            assert (answer.status_code, errors(answer)) == (400, [("password", refusal)])

        assert two_browsers[0].delete("/api/users/me").status_code in (400, 415)
        assert elsinore.user().active

    def test_guessing_it_is_throttled_like_a_sign_in(self, two_browsers, settings):
        settings.SIGN_IN_FAILURES_PER_ACCOUNT = 2

        statuses = [close(two_browsers[0], "a-wrong-guess").status_code for _ in range(3)]

        assert statuses == [400, 400, 429]

    def test_is_refused_to_the_last_administrator(self, elsinore, two_browsers):
        commands.set_roles(user_id=elsinore.user().pk, roles=["admin"], by=None)

        answer = close(two_browsers[0])

        assert (answer.status_code, errors(answer)) == (409, [(None, "last_admin")])
        assert elsinore.user().active

    def test_is_granted_to_one_of_two_administrators(self, elsinore, two_browsers):
        commands.set_roles(user_id=elsinore.user().pk, roles=["admin"], by=None)
        commands.make_staff(email="claudius@elsinore.dk", password=elsinore.PASSWORD, now=clock.now())

        assert close(two_browsers[0]).status_code == 204

    def test_is_refused_to_nobody_and_from_another_site(self, elsinore, two_browsers):
        assert close(elsinore.client()).status_code == 401
        stranger = elsinore.client(**{"Sec-Fetch-Site": "cross-site"})
        stranger.cookies = two_browsers[0].cookies
        assert close(stranger).status_code == 403

    def test_makes_links_in_mails_worthless_and_sends_none_any_more(self, elsinore, two_browsers, mailoutbox):
        elsinore.deliver()
        _, token = elsinore.link(mailoutbox[0])
        commands.request_password_reset(email=elsinore.HAMLET, now=clock.now())
        close(two_browsers[0])

        elsinore.deliver()

        assert len(mailoutbox) == 1
        assert not models.ResetRequest.objects.exists()
        answer = elsinore.post(elsinore.client(), "email-verification/confirm", {"token": token})
        assert answer.status_code == 400


class TestTwoAdministratorsWhoLeaveAtOnce:
    def leave_at_once(self, elsinore):
        """The statuses of both."""
        browsers = {}
        for email in (elsinore.HAMLET, elsinore.OPHELIA):
            browsers[email] = elsinore.sign_up(email)
            commands.set_roles(user_id=elsinore.user(email).pk, roles=["admin"], by=None)
        answers = races.at_once(*[lambda browser=browser: close(browser) for browser in browsers.values()])
        return sorted(answer.status_code for answer in answers)

    def test_one_of_them_has_to_stay(self, live_elsinore):
        assert self.leave_at_once(live_elsinore) == [204, 409]

    def test_control_without_the_lock_nobody_stays(self, live_elsinore):
        counted = threading.Barrier(2)

        def count_together(user, keep=people.keep_an_admin):
            keep(user)
            counted.wait(timeout=20)

        with (
            mock.patch.object(people, "hold_admins"),
            mock.patch.object(people, "keep_an_admin", count_together),
        ):
            assert self.leave_at_once(live_elsinore) == [204, 204]
