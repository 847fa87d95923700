"""What is true of mail: what is owed to whom, since when, and what became of it. No address is kept here."""

import datetime as dt
import re
from typing import ClassVar, Self

from django.db import models

from auth_service.users.models import one_time, people
from shared import ids

FIRST_RETRY, LAST_RETRY = dt.timedelta(minutes=1), dt.timedelta(hours=1)
GIVE_UP = dt.timedelta(days=3)
_DOUBLINGS = 6  # one more would be past the last; doubled for days, the wait is a number that no clock knows


class Kind(models.TextChoices):
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name
    EMAIL_VERIFICATION = "email_verification"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a name


WAITING = models.Q(sent_at=None, dropped_at=None)


class Mail(models.Model):
    """A mail that is owed to somebody: written in the transaction of its cause, sent afterwards by the worker.

    It goes to the address that the user has when it is sent. A mail may arrive twice, after a crash between sending it
    and writing that down; none is lost.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    user = models.ForeignKey(people.User, models.PROTECT, related_name="mails")
    kind = models.CharField(max_length=20, choices=Kind)
    token = models.ForeignKey(one_time.OneTimeToken, models.PROTECT, null=True, related_name="mails")
    queued_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index("next_attempt_at", condition=WAITING, name="mail_waiting")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(sent_at__isnull=False, dropped_at__isnull=False), name="sent_or_dropped"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @classmethod
    def owe(
        cls, *, user: people.User, kind: Kind, token: one_time.OneTimeToken | None = None, now: dt.datetime
    ) -> Self:
        """Have a mail sent once the caller's transaction is committed."""
        return cls.objects.create(user=user, kind=kind, token=token, queued_at=now, next_attempt_at=now)

    @classmethod
    def waiting(cls, *kinds: str) -> "models.QuerySet[Self]":
        """What is still to be sent, of these kinds or of all."""
        return cls.objects.filter(WAITING, **({"kind__in": kinds} if kinds else {}))

    @classmethod
    def forget(cls, *, before: dt.datetime) -> None:
        """Delete what was sent or dropped before that, and the tokens that no mail carries any more."""
        cls.objects.exclude(WAITING).filter(queued_at__lt=before).delete()
        one_time.OneTimeToken.objects.filter(expires_at__lt=before, mails=None).delete()

    @classmethod
    def take(cls, now: dt.datetime) -> Self | None:
        """One that is due, for the caller alone: the next attempt is set before this one is made.

        So a crash costs a delay, and a failure needs nothing more to be tried again.
        """
        due = cls.objects.filter(WAITING, next_attempt_at__lte=now).order_by("next_attempt_at")
        mail = due.select_for_update(skip_locked=True, of=("self",)).select_related("user", "token__user").first()
        if mail is not None:
            mail.next_attempt_at = now + min(FIRST_RETRY * 2 ** min(mail.attempts, _DOUBLINGS), LAST_RETRY)
            mail.attempts += 1
            mail.save(update_fields=["attempts", "next_attempt_at"])
        return mail

    def is_worth_sending(self, now: dt.datetime) -> bool:
        """Whether there is somebody to read it, and whether what it says is still so."""
        reader = self.user.active and self.user.email is not None
        return reader and now - self.queued_at < GIVE_UP and (self.token is None or self.token.is_good(now))

    def sent(self, now: dt.datetime) -> None:
        self._write(sent_at=now, last_error="")

    def dropped(self, now: dt.datetime) -> None:
        """It is sent no more, for it has become pointless."""
        self._write(dropped_at=now)

    def failed(self, error: str) -> None:
        """Keep why, for whoever looks; without the address, which mail servers like to repeat."""
        said = re.sub(re.escape(self.user.email or "\0"), "(address)", error, flags=re.IGNORECASE)
        self._write(last_error=said[:300])

    def _write(self, **values: object) -> None:
        type(self).objects.filter(WAITING, pk=self.pk).update(**values)
