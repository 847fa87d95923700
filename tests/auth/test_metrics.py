"""What whoever watches over sign-ins, mail and keys is told."""

import datetime as dt

import pytest

from auth_service.users import commands, metrics, models
from shared import clock
from shared.messaging import metrics as messaging
from shared.testing import measures
from tests.auth import world
from tests.auth.test_mail import failing

pytestmark = pytest.mark.django_db


def sign_ins(outcome):
    return measures.moving("auth_sign_ins_total", outcome=outcome)


class TestSignIns:
    def test_are_counted_by_what_comes_of_them(self, elsinore, settings):
        settings.SIGN_IN_FAILURES_PER_ACCOUNT = 2
        elsinore.sign_up()
        succeeded, refused, throttled = map(sign_ins, ("succeeded", "refused", "throttled"))

        elsinore.sign_in()
        for _ in range(3):
            elsinore.sign_in(password="to-be-or-not-to-be")
        elsinore.sign_in()

        assert (succeeded(), refused(), throttled()) == (1, 2, 2)

    def test_at_the_page_are_counted_too(self, elsinore):
        elsinore.sign_up()
        succeeded, refused = map(sign_ins, ("succeeded", "refused"))

        for password in (elsinore.PASSWORD, "to-be-or-not-to-be"):
            elsinore.client().post("/admin", {"email": elsinore.HAMLET, "password": password})

        assert (succeeded(), refused()) == (1, 1)

    def test_that_fail_for_another_reason_are_neither(self, elsinore, monkeypatch):
        elsinore.sign_up()
        failed, refused = sign_ins("failed"), sign_ins("refused")
        models.SigningKey.objects.all().delete()

        elsinore.sign_in()

        assert (failed(), refused()) == (1, 0)


def mail(name, **labels):
    return measures.level(metrics.of_mail(), name, **labels)


class TestMail:
    def test_waits_until_it_is_sent(self, elsinore, mailoutbox):
        assert mail("auth_mail_waiting", mail="email_verification") == 0

        elsinore.sign_up()
        assert mail("auth_mail_waiting", mail="email_verification") == 1

        elsinore.deliver()
        assert mail("auth_mail_waiting", mail="email_verification") == 0

    def test_is_overdue_when_nobody_tries(self, elsinore):
        elsinore.sign_up()
        models.Mail.objects.update(next_attempt_at=clock.now() - dt.timedelta(hours=1))

        assert 3600 <= mail("auth_mail_overdue_seconds", mail="email_verification") < 3660
        assert mail("auth_mail_failing") == 0

    def test_that_cannot_be_sent_is_failing_but_not_overdue(self, elsinore):
        elsinore.sign_up()

        with failing(OSError()):
            commands.send_mail(most=10, now=clock.now)

        assert mail("auth_mail_failing") == 1
        assert mail("auth_mail_overdue_seconds", mail="email_verification") == 0

    def test_that_was_asked_for_waits_from_that_moment(self, elsinore):
        models.ResetRequest.ask(email=elsinore.HAMLET, now=clock.now() - dt.timedelta(hours=1))

        assert mail("auth_mail_waiting", mail="reset_request") == 1
        assert 3600 <= mail("auth_mail_overdue_seconds", mail="reset_request") < 3660


def keys(name, **labels):
    return measures.level(metrics.of_keys(), name, **labels)


class TestKeys:
    def test_are_counted_by_their_status(self, elsinore):
        assert [keys("auth_signing_keys", status=status) for status in ("standby", "current", "previous")] == [1, 1, 0]

        commands.rotate_signing_key(now=clock.now(), insist=True)

        assert [keys("auth_signing_keys", status=status) for status in ("standby", "current", "previous")] == [1, 1, 1]

    def test_have_an_age_and_a_life(self, elsinore, settings):
        settings.SIGNING_KEY_LIFE = dt.timedelta(days=90)
        models.SigningKey.objects.filter(status="current").update(active_from=clock.now() - dt.timedelta(days=3))

        assert 259_200 <= keys("auth_signing_key_age_seconds") < 259_260
        assert keys("auth_signing_key_life_seconds") == 90 * 86_400

    def test_that_are_not_there_have_no_age(self):
        assert keys("auth_signing_key_age_seconds") == keys("auth_signing_keys", status="current") == 0


def test_the_messaging_process_tells_it():
    families = list(messaging.Levels().collect())

    assert measures.level(families, "auth_mail_failing") == 0
    assert measures.level(families, "auth_signing_keys", status="standby") == 0


def test_what_the_verifier_holds_is_counted(elsinore):
    families = list(messaging.Levels().collect())

    assert measures.level(families, "identity_signing_keys_held") == 2
    assert measures.level(families, "identity_revoked_sessions") == 0
    browser = world.sign_up()
    world.post(browser, "signout")
    assert measures.level(messaging.Levels().collect(), "identity_revoked_sessions") == 1
