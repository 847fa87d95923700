"""Sending the mail that is owed. Each is taken, sent outside of any transaction, and then written down as sent."""

import datetime as dt
from collections.abc import Callable

import structlog
from django.db import transaction

from auth_service.users import letters, models
from auth_service.users.commands import people
from shared import clock

KEPT = dt.timedelta(days=30)

log = structlog.get_logger(__name__)


def answer_reset_requests(*, most: int, now: dt.datetime) -> None:
    """Owe a link to everybody who has an account and has asked for one; up to `most` of those who asked."""
    for _ in range(most):
        if not _answer_one(now):
            return


def send_mail(*, most: int, now: Callable[[], dt.datetime]) -> None:
    """Send what is due, up to `most`. One that cannot be sent now stays, and delays no other.

    `now` is asked for each: a batch may last longer than the wait after which somebody else may take a mail.
    """
    for _ in range(most):
        with transaction.atomic():
            mail = models.Mail.take(now())
        if mail is None:
            return
        _send(mail, now())


def forget_mail(*, now: dt.datetime) -> None:
    """Delete what was settled long ago."""
    models.Mail.forget(before=now - KEPT)


def owe_link(user: models.User, purpose: models.Purpose, now: dt.datetime) -> None:
    """Have a link for that purpose sent to a user, whose row is locked."""
    token = models.OneTimeToken.issue(user=user, purpose=purpose, now=now)
    models.Mail.owe(user=user, kind=models.Kind(purpose), token=token, now=now)


@transaction.atomic
def _answer_one(now: dt.datetime) -> bool:
    request = models.ResetRequest.oldest()
    if request is None:
        return False
    # The user's row before the request's, as when an account is closed: the other way round they lock each other out.
    found = models.User.with_email(request.email)
    user = people.locked(found.pk) if found else None
    if request.take() and user is not None and user.active:
        owe_link(user, models.Purpose.PASSWORD_RESET, now)
    return True


def _send(mail: models.Mail, now: dt.datetime) -> None:
    if not mail.is_worth_sending(now):
        mail.dropped(now)
        return
    try:
        letters.write(mail).send()
    except Exception as error:  # whatever it is, it is tried again, and the others do not wait for it
        # By its kind alone: what a mail server says repeats the address, which belongs in no log.
        log.warning("mail_not_sent", mail_id=str(mail.pk), error=type(error).__name__, attempts=mail.attempts)
        mail.failed(f"{type(error).__name__}: {error}")
    else:
        mail.sent(clock.now())
