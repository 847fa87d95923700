"""What the clock asks of auth: of the sweeps in its messaging process and, where it may be slow, of its worker.

Each finds its work in rows. While the service recovers from a restore no mail is sent, as no request is served.
"""

from celery import shared_task

from auth_service.users import commands
from shared import clock
from shared.messaging import recovery

BATCH = 200


def tend_signing_keys() -> None:
    """Retire the keys whose tokens are over, and rotate one that has signed for long."""
    commands.tend_signing_keys(now=clock.now())


@shared_task(name="auth.send_mail")
def send_mail() -> None:
    """Answer who has asked for a link, then send what is due."""
    if recovery.is_under_way():
        return
    commands.answer_reset_requests(most=BATCH, now=clock.now())
    commands.send_mail(most=BATCH, now=clock.now)


@shared_task(name="auth.forget_mail")
def forget_mail() -> None:
    """Forget the mail of long ago."""
    if not recovery.is_under_way():
        commands.forget_mail(now=clock.now())
