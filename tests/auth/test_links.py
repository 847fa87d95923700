"""The links in mails: a forgotten password, an address to be proven, and the pages on which they end."""

import datetime as dt
import threading
from unittest import mock

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from auth_service.users import commands, models, passwords
from auth_service.users.commands import people, sessions
from shared import clock
from shared.testing import races, waiting
from tests.auth import world

NEW = "words-words-words"
PATHS = ("password-reset", "password-reset/confirm", "email-verification", "email-verification/confirm")


def forgot(email=world.HAMLET, browser=None):
    return world.post(browser or world.client(), "password-reset", {"email": email})


def confirm(token, password=NEW):
    return world.post(world.client(), "password-reset/confirm", {"token": token, "password": password})


def verify(token):
    return world.post(world.client(), "email-verification/confirm", {"token": token})


def code(response):
    assert response.status_code == 400, response.content
    (error,) = response.json()["errors"]
    return error["code"]


def aged(age):
    """As if every link had been made that long ago."""
    for token in models.OneTimeToken.objects.all():
        models.OneTimeToken.objects.filter(pk=token.pk).update(expires_at=token.expires_at - age)


@pytest.fixture
def inbox(mailoutbox):
    """`inbox("reset")`: the token of the newest link to that page that has arrived."""

    def newest(page):
        world.deliver()
        links = [world.link(mail) for mail in mailoutbox if "?token=" in mail.body]
        return [token for path, token in links if path == f"/account/{page}"][-1]

    return newest


@pytest.fixture
def reset_link(elsinore, inbox):
    """Hamlet is signed in somewhere, and has a link to choose a new password."""
    browser = elsinore.sign_up()
    assert forgot().status_code == 202
    return browser, inbox("reset")


class TestAskingForAReset:
    def test_sends_a_link_to_the_owner(self, elsinore, inbox):
        elsinore.sign_up()

        response = forgot(email=elsinore.HAMLET.upper())

        assert (response.status_code, response.json()) == (202, {})
        assert confirm(inbox("reset")).status_code == 204

    def test_sends_nothing_to_a_stranger_and_keeps_nothing_of_him(self, elsinore, mailoutbox):
        assert forgot("yorick@elsinore.dk").status_code == 202

        elsinore.deliver()

        assert not mailoutbox
        assert not models.ResetRequest.objects.exists()

    def test_sends_nothing_to_who_is_banned(self, elsinore):
        elsinore.sign_up()
        commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

        assert forgot().status_code == 202
        elsinore.deliver()

        assert not elsinore.mails("password_reset")

    def test_is_the_same_work_whether_the_address_is_anybodys_or_not(self, elsinore):
        elsinore.sign_up()
        elsinore.sign_up(elsinore.OPHELIA)
        commands.ban_user(user_id=elsinore.user(elsinore.OPHELIA).pk, now=clock.now())
        asked = {}

        for email in (elsinore.HAMLET, elsinore.OPHELIA, "yorick@elsinore.dk"):
            with (
                CaptureQueriesContext(connection) as queries,
                mock.patch.object(passwords, "encode", side_effect=AssertionError),
            ):
                answer = forgot(email)
            statements = [query["sql"].partition("VALUES")[0] for query in queries]
            # Savepoints are numbered; whether the service recovers is asked now and then.
            shape = tuple(text for text in statements if "SAVEPOINT" not in text and "recovering" not in text)
            asked[email] = (answer.status_code, answer.content, shape)

        assert len(set(asked.values())) == 1
        assert "users_resetrequest" in asked[elsinore.HAMLET][2][-1]

    @pytest.mark.parametrize("email", ["", "nobody", "hämlet@elsinore.dk", "x" * 250 + "@elsinore.dk", 7, None])
    def test_wants_an_address(self, elsinore, email):
        assert forgot(email).status_code == 400

    def test_is_limited_for_each_account_be_it_anybodys_or_not(self, elsinore, settings):
        settings.MAILS_PER_ACCOUNT = 2
        elsinore.sign_up()

        for email in (elsinore.HAMLET, "yorick@elsinore.dk"):
            answers = [forgot(text) for text in (email, email.upper(), email)]
            assert [answer.status_code for answer in answers] == [202, 202, 429]
            assert int(answers[-1].headers["Retry-After"]) > 0

    def test_is_limited_for_each_address_it_is_asked_from(self, elsinore, settings):
        settings.MAILS_PER_ADDRESS = 2

        answers = [forgot(f"player{number}@elsinore.dk") for number in range(3)]

        assert [answer.status_code for answer in answers] == [202, 202, 429]


class TestReset:
    def test_takes_the_new_password_and_ends_every_session(self, elsinore, reset_link):
        browser, token = reset_link

        assert confirm(token).status_code == 204

        assert elsinore.current_user(browser) is None
        assert len(elsinore.said("session.revoked")) == 1
        assert elsinore.sign_in(password=NEW).status_code == 200
        assert elsinore.sign_in().status_code == 400

    def test_proves_the_address_too(self, elsinore, reset_link):
        confirm(reset_link[1])

        assert elsinore.user().verified_at is not None

    def test_tells_the_owner_by_mail(self, elsinore, reset_link, mailoutbox):
        confirm(reset_link[1])

        elsinore.deliver()

        assert mailoutbox[-1].subject == "Your password was changed | Admit One"

    def test_works_once(self, elsinore, reset_link):
        confirm(reset_link[1])

        assert code(confirm(reset_link[1], "something-else-again")) == "invalid_token"
        assert elsinore.sign_in(password=NEW).status_code == 200

    def test_works_for_an_hour(self, elsinore, reset_link):
        aged(dt.timedelta(minutes=59))
        assert elsinore.client().get("/account/reset", {"token": reset_link[1]}).status_code == 200
        aged(dt.timedelta(minutes=1))

        assert code(confirm(reset_link[1])) == "invalid_token"
        assert elsinore.sign_in().status_code == 200

    def test_works_with_the_newest_link_only(self, elsinore, reset_link, inbox):
        forgot()
        newer = inbox("reset")

        assert code(confirm(reset_link[1])) == "invalid_token"
        assert confirm(newer).status_code == 204

    def test_a_bad_password_does_not_use_the_link_up(self, elsinore, reset_link):
        assert code(confirm(reset_link[1], "password123")) == "password_too_common"

        assert confirm(reset_link[1]).status_code == 204

    def test_is_refused_to_who_was_banned_meanwhile(self, elsinore, reset_link):
        commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

        assert code(confirm(reset_link[1])) == "invalid_token"

    def test_is_refused_when_the_address_is_another_now(self, elsinore, reset_link):
        models.User.objects.update(email="prince@elsinore.dk")

        assert code(confirm(reset_link[1])) == "invalid_token"

    def test_takes_no_link_that_was_made_for_something_else(self, elsinore, inbox):
        elsinore.sign_up()

        assert code(confirm(inbox("verify"))) == "invalid_token"

    def test_takes_no_id_whose_secret_was_made_for_something_else(self, elsinore, reset_link, inbox):
        swapped = f"{reset_link[1].partition('.')[0]}.{inbox('verify').partition('.')[2]}"

        assert code(confirm(swapped)) == "invalid_token"

    @pytest.mark.parametrize(
        "spoil",
        [lambda token: token[:-1], lambda token: token + "x", lambda token: token.partition(".")[0] + ".",
         lambda token: token.upper(), lambda token: "." + token, lambda token: "é" + token[1:],
         lambda token: "0" * 32 + token[32:], lambda token: token.partition(".")[2], lambda token: "nonsense"],
    )  # fmt: skip
    def test_takes_nothing_that_is_like_it_and_spares_the_hash(self, elsinore, reset_link, spoil):
        with mock.patch.object(passwords, "encode", side_effect=AssertionError):
            assert code(confirm(spoil(reset_link[1]))) == "invalid_token"

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("body", ["", "[]", '{"token": 7, "password": []}', '{"token": "a\\u0000"}'])
    def test_answers_what_makes_no_sense_with_a_4xx(self, elsinore, path, body):
        browser = elsinore.client()

        assert 400 <= elsinore.post(browser, path, body).status_code < 500


class TestVerification:
    def test_a_sign_up_sends_a_link_that_proves_the_address(self, elsinore, inbox):
        elsinore.sign_up()

        assert elsinore.user().verified_at is None
        assert verify(inbox("verify")).status_code == 204
        assert elsinore.user().verified_at is not None

    def test_another_can_be_asked_for_and_voids_the_first(self, elsinore, inbox):
        browser = elsinore.sign_up()
        first = inbox("verify")

        assert elsinore.post(browser, "email-verification").status_code == 202

        assert code(verify(first)) == "invalid_token"
        assert verify(inbox("verify")).status_code == 204

    def test_works_once_and_for_three_days(self, elsinore, inbox):
        elsinore.sign_up()
        token = inbox("verify")
        aged(dt.timedelta(days=2, hours=23))
        assert verify(token).status_code == 204
        assert code(verify(token)) == "invalid_token"

        elsinore.sign_up(elsinore.OPHELIA)
        token = inbox("verify")
        aged(dt.timedelta(days=3))
        assert code(verify(token)) == "invalid_token"

    def test_is_not_asked_of_who_has_done_it(self, elsinore, inbox):
        browser = elsinore.sign_up()
        verify(inbox("verify"))

        assert elsinore.post(browser, "email-verification").status_code == 202

        assert len(elsinore.mails("email_verification")) == 1

    def test_is_limited(self, elsinore, settings):
        settings.MAILS_PER_ACCOUNT = 1
        browser = elsinore.sign_up()

        answers = [elsinore.post(browser, "email-verification") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [202, 429]

    def test_is_asked_for_by_somebody(self, elsinore):
        assert elsinore.post(elsinore.client(), "email-verification").status_code == 401


class TestPages:
    def test_lead_from_the_link_to_a_new_password(self, elsinore, reset_link):
        browser = elsinore.client()
        page = browser.get("/account/reset", {"token": reset_link[1]})
        assert (page.status_code, reset_link[1] in page.content.decode()) == (200, True)

        answer = browser.post("/account/reset", {"token": reset_link[1], "password": NEW})

        assert answer.status_code == 200
        assert "Your password is changed" in answer.content.decode()
        assert elsinore.sign_in(password=NEW).status_code == 200

    def test_lead_from_the_link_to_a_proven_address(self, elsinore, inbox):
        elsinore.sign_up()
        token, browser = inbox("verify"), elsinore.client()
        assert browser.get("/account/verify", {"token": token}).status_code == 200
        assert elsinore.user().verified_at is None  # whoever only looks at the link proves nothing

        assert browser.post("/account/verify", {"token": token}).status_code == 200

        assert elsinore.user().verified_at is not None

    def test_take_the_address_of_who_has_forgotten(self, elsinore, inbox):
        elsinore.sign_up()
        browser = elsinore.client()
        assert 'name="email"' in browser.get("/account/forgot/").content.decode()

        answer = browser.post("/account/forgot", {"email": elsinore.HAMLET})

        assert "a mail is on its way" in answer.content.decode()
        assert confirm(inbox("reset")).status_code == 204

    @pytest.mark.parametrize("page", ["reset", "verify"])
    @pytest.mark.parametrize("token", ["", "nonsense", '"><script>alert(1)</script>', "a" * 5000, "a\x01b"])
    def test_say_that_a_link_is_not_valid(self, elsinore, page, token):
        for answer in (
            elsinore.client().get(f"/account/{page}", {"token": token}),
            elsinore.client().post(f"/account/{page}", {"token": token, "password": NEW}),
        ):
            assert answer.status_code == 400
            assert answer.headers["Content-Type"].startswith("text/html")
            assert "<script>" not in answer.content.decode()

    def test_say_what_is_wrong_with_a_password_and_do_not_show_it_again(self, elsinore, reset_link):
        answer = elsinore.client().post("/account/reset", {"token": reset_link[1], "password": "password123"})

        page = answer.content.decode()
        assert answer.status_code == 400
        assert "This password is too common." in page
        assert "password123" not in page
        assert reset_link[1] in page

    def test_say_when_there_were_too_many(self, elsinore, settings):
        settings.MAILS_PER_ACCOUNT = 0

        answer = elsinore.client().post("/account/forgot", {"email": elsinore.HAMLET})

        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize("page", ["forgot", "reset", "verify"])
    def test_are_strict_and_stored_nowhere_and_tell_other_sites_nothing(self, elsinore, page):
        answer = elsinore.client().get(f"/account/{page}")

        text = answer.content.decode()
        assert [mark for mark in ("<style", "<script", " style=") if mark in text] == []
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "same-origin"

    @pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
    def test_take_no_form_of_another_site_from_who_is_signed_in(self, elsinore, inbox, headers):
        browser = elsinore.sign_up()
        token, stranger = inbox("verify"), Client(headers=headers)
        stranger.cookies = browser.cookies

        assert stranger.post("/account/verify", {"token": token}).status_code == 403
        assert elsinore.user().verified_at is None


def use_without_looking(self, now):
    """How one uses a token without thinking of a second caller."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.05)")
    models.OneTimeToken.objects.filter(pk=self.pk).update(used_at=now)


class TestTwoWhoHaveTheLink:
    def reset_by_eight(self, elsinore, mailoutbox):
        """Eight requests with one link, each with a password of its own: the statuses, and the passwords that work."""
        elsinore.sign_up()
        forgot()
        elsinore.deliver()
        (token,) = [elsinore.link(mail)[1] for mail in mailoutbox if "/account/reset" in mail.body]
        chosen = [f"{NEW}-{number}" for number in range(8)]

        answers = races.at_once(*[lambda word=word: confirm(token, word) for word in chosen])

        works = [word for word in chosen if elsinore.sign_in(password=word).status_code == 200]
        taken = [word for word, answer in zip(chosen, answers, strict=True) if answer.status_code == 204]
        return sorted(answer.status_code for answer in answers), taken, works

    def test_one_of_them_chooses_the_password_and_the_others_are_told(self, live_elsinore, mailoutbox):
        statuses, taken, works = self.reset_by_eight(live_elsinore, mailoutbox)

        assert statuses == [204] + [400] * 7
        assert taken == works

    def test_control_without_the_conditional_update_several_believe_that_they_have(self, live_elsinore, mailoutbox):
        with mock.patch.object(models.OneTimeToken, "use", use_without_looking):
            statuses, _, works = self.reset_by_eight(live_elsinore, mailoutbox)

        assert statuses.count(204) > 1
        assert len(works) == 1

    def five_links_at_once(self, elsinore):
        elsinore.sign_up()
        user_id = elsinore.user().pk
        races.at_once(*[lambda: commands.request_email_verification(user_id=user_id, now=clock.now())] * 5)

    def test_links_asked_for_at_once_leave_one_that_is_good(self, live_elsinore):
        self.five_links_at_once(live_elsinore)

        assert len(live_elsinore.mails("email_verification")) == 1 + 5
        assert models.OneTimeToken.objects.filter(purpose="email_verification", voided_at=None).count() == 1

    def test_requests_answered_at_once_owe_a_mail_each(self, live_elsinore):
        live_elsinore.sign_up()
        for _ in range(5):
            forgot()

        races.at_once(*[live_elsinore.deliver] * 5)

        assert len(live_elsinore.mails("password_reset")) == 5
        assert models.OneTimeToken.objects.filter(purpose="password_reset", voided_at=None).count() == 1

    def test_control_without_the_lock_they_are_in_each_other_s_way(self, live_elsinore):
        with (
            mock.patch.object(people, "locked", models.User.with_id),
            mock.patch.object(models.OneTimeToken, "void", void_slowly),
            pytest.raises(IntegrityError),
        ):
            self.five_links_at_once(live_elsinore)


VOID = models.OneTimeToken.void


def void_slowly(**what):
    VOID(**what)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")


class TestASignInWhileThePasswordChanges:
    """Those who sign in have proved the old password before it changes, and go on after it has."""

    @pytest.fixture(autouse=True)
    def _overtaken(self, monkeypatch):
        proven, proved = sessions.proven, threading.Event()

        def overtaken(found, password, *, field=None):
            user = proven(found, password, field=field)
            if field:
                proved.wait(20)
            else:
                proved.set()
                old = user.password
                waiting.until(lambda: models.User.with_id(user.pk).password != old, seconds=20, what="the change")
            return user

        monkeypatch.setattr(sessions, "proven", overtaken)

    def alive(self, elsinore):
        """The sessions beside the one in which the password was changed."""
        browser = elsinore.sign_up()
        (session,) = models.Session.objects.all()
        body = {"currentPassword": elsinore.PASSWORD, "newPassword": NEW}

        races.at_once(*[elsinore.sign_in] * 6, lambda: elsinore.post(browser, "password", body))

        return models.Session.objects.filter(revoked_at=None).exclude(pk=session.pk)

    def test_begins_no_session_that_is_left(self, live_elsinore):
        assert not self.alive(live_elsinore).exists()

    def test_control_unless_the_password_is_looked_at_again_does(self, live_elsinore, monkeypatch):
        monkeypatch.setattr(sessions, "locked_unchanged", lambda found: people.locked(found.pk))

        assert self.alive(live_elsinore).exists()
