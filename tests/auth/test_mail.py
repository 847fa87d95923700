"""Mail is owed in the transaction of its cause and sent by the worker, once, however often that fails first."""

import contextlib
import datetime as dt
import smtplib
from unittest import mock

import pytest
from django.core.mail.backends import locmem
from django.db import connection, transaction

from auth_service.config import celery
from auth_service.users import commands, models
from shared import clock
from shared.messaging import models as messaging
from shared.testing import races
from tests.auth import world

REFUSED = {world.HAMLET: (550, f"no mailbox <{world.HAMLET.upper()}>".encode())}
AN_HOUR, A_DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@contextlib.contextmanager
def failing(error):
    """The mail server does not take anything."""
    with mock.patch.object(locmem.EmailBackend, "send_messages", side_effect=error):
        yield


def only_mail():
    (found,) = world.mails()
    return found


def send(*, later=dt.timedelta()):
    commands.send_mail(most=10, now=lambda: clock.now() + later)


class TestOwing:
    def test_a_sign_up_owes_the_question_whether_the_address_is_right(self, elsinore):
        elsinore.sign_up()

        assert (only_mail().kind, only_mail().sent_at) == ("email_verification", None)

    def test_a_sign_up_that_is_undone_owes_nothing(self, elsinore):
        with contextlib.suppress(RuntimeError), transaction.atomic():
            commands.register_user(email=elsinore.HAMLET, password=elsinore.PASSWORD, agent="", now=clock.now())
            raise RuntimeError

        assert not models.Mail.objects.exists()

    def test_keeps_no_address_and_no_secret(self, elsinore, mailoutbox):
        elsinore.sign_up()
        elsinore.deliver()

        _, token = elsinore.link(mailoutbox[0])
        rows = str([*models.Mail.objects.values(), *models.OneTimeToken.objects.values()])
        assert token.partition(".")[2] not in rows
        assert elsinore.HAMLET not in rows


class TestSending:
    def test_sends_what_is_owed_once(self, elsinore, mailoutbox):
        elsinore.sign_up()

        elsinore.deliver()
        elsinore.deliver()

        (sent,) = mailoutbox
        assert sent.to == [elsinore.HAMLET]
        assert sent.from_email == "Admit One <no-reply@localhost>"
        assert elsinore.link(sent)[0] == "/account/verify"
        assert only_mail().sent_at is not None

    @pytest.mark.parametrize(
        "error", [ConnectionRefusedError(111, "refused"), smtplib.SMTPRecipientsRefused(REFUSED), ValueError("odd")]
    )
    def test_tries_again_later_and_says_why_without_the_address(self, elsinore, mailoutbox, error):
        elsinore.sign_up()

        with failing(error):
            send()
        send()

        mail = only_mail()
        assert not mailoutbox
        assert mail.last_error.startswith(type(error).__name__)
        assert elsinore.HAMLET not in mail.last_error.lower()
        send(later=AN_HOUR)
        assert len(mailoutbox) == 1
        assert only_mail().last_error == ""

    def test_does_not_write_the_address_into_the_log(self, elsinore, caplog):
        elsinore.sign_up()

        with failing(smtplib.SMTPRecipientsRefused(REFUSED)):
            send()

        assert "mail_not_sent" in caplog.text
        assert elsinore.HAMLET not in caplog.text.lower()

    def test_waits_longer_after_every_failure_but_never_longer_than_an_hour(self, elsinore):
        elsinore.sign_up()
        waits, now = [], clock.now()

        while not only_mail().dropped_at:
            with failing(OSError()):
                commands.send_mail(most=1, now=lambda moment=now: moment)
            waits.append((only_mail().next_attempt_at - now).total_seconds() / 60)
            now = only_mail().next_attempt_at

        assert waits[:6] == [1, 2, 4, 8, 16, 32]
        assert set(waits[6:]) == {60}
        assert len(waits) > 70  # three days of it

    def test_is_nobody_elses_for_a_minute_after_it_was_taken_however_long_its_batch_has_lasted(self, elsinore):
        elsinore.sign_up()
        elsinore.sign_up(elsinore.OPHELIA)
        began = now = clock.now()
        taken = []

        def slowly(*_):
            nonlocal now
            now += dt.timedelta(seconds=70)
            taken.append(now)
            return 1

        with mock.patch.object(locmem.EmailBackend, "send_messages", side_effect=slowly):
            commands.send_mail(most=2, now=lambda: now)

        second = models.Mail.objects.latest("next_attempt_at")
        assert second.next_attempt_at == began + dt.timedelta(seconds=70 + 60)
        assert len(taken) == 2

    def test_one_that_cannot_be_sent_delays_no_other(self, elsinore, mailoutbox):
        elsinore.sign_up()
        elsinore.sign_up(elsinore.OPHELIA)

        with failing([OSError(), 1]):
            send()

        assert only_mail().sent_at is None
        assert elsinore.mails(email=elsinore.OPHELIA)[0].sent_at is not None

    def test_a_worker_that_dies_while_it_sends_costs_a_delay_and_no_mail(self, elsinore, mailoutbox):
        elsinore.sign_up()
        with contextlib.suppress(KeyboardInterrupt), failing(KeyboardInterrupt()):
            send()

        send(later=AN_HOUR)

        assert len(mailoutbox) == 1

    def test_sends_no_link_that_is_not_good_any_more(self, elsinore, mailoutbox):
        elsinore.sign_up()

        send(later=4 * A_DAY)

        assert not mailoutbox
        assert only_mail().dropped_at is not None

    def test_sends_nothing_to_who_is_banned(self, elsinore, mailoutbox):
        elsinore.sign_up()
        commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

        elsinore.deliver()

        assert not mailoutbox
        assert only_mail().dropped_at is not None

    def test_does_nothing_while_the_service_recovers(self, elsinore, mailoutbox):
        elsinore.sign_up()
        messaging.Log.objects.update_or_create(id=1, defaults={"recovering_since": clock.now()})

        elsinore.deliver()

        assert not mailoutbox
        assert only_mail().attempts == 0

    def test_is_forgotten_after_a_month_unless_it_is_still_owed(self, elsinore):
        elsinore.sign_up()
        elsinore.sign_up(elsinore.OPHELIA)
        with failing([1, OSError()]):
            send()

        commands.forget_mail(now=clock.now() + 40 * A_DAY)

        assert [mail.user for mail in models.Mail.objects.all()] == [elsinore.user(elsinore.OPHELIA)]
        assert models.OneTimeToken.objects.count() == 1


class TestWorker:
    def test_knows_every_task_that_its_clock_sends(self):
        celery.app.loader.import_default_modules()

        assert {entry["task"] for entry in celery.app.conf.beat_schedule.values()} <= set(celery.app.tasks)

    def test_a_task_that_comes_late_is_not_run_beside_the_next(self):
        for entry in celery.app.conf.beat_schedule.values():
            assert entry["options"]["expires"] == entry["schedule"]


def take_without_a_lock(now):
    """How one takes a mail without thinking of a second worker."""
    mail = models.Mail.objects.filter(sent_at=None, next_attempt_at__lte=now).first()
    if mail is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.1)")  # what a busy database does by itself now and then
        models.Mail.objects.filter(pk=mail.pk).update(next_attempt_at=now + AN_HOUR)
    return mail


class TestWorkersAtOnce:
    def sent_by_eight(self, elsinore, mailoutbox):
        elsinore.sign_up()
        races.at_once(*[send] * 8)
        return len(mailoutbox)

    def test_send_a_mail_once(self, live_elsinore, mailoutbox):
        assert self.sent_by_eight(live_elsinore, mailoutbox) == 1

    def test_control_without_the_lock_send_it_several_times(self, live_elsinore, mailoutbox):
        with mock.patch.object(models.Mail, "take", take_without_a_lock):
            assert self.sent_by_eight(live_elsinore, mailoutbox) > 1
