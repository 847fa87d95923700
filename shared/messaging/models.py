"""What messaging remembers: what was said, what was heard, and what could not be understood."""

import contextlib
import datetime as dt

import msgspec
from django.db import models
from django.db.models.functions import Now

from shared import errors, ids


class NotParked(errors.Conflict):
    code = "not_parked"
    detail = "This message has been applied or discarded already."


class NoReason(errors.Invalid):
    code = "no_reason"
    detail = "A message is discarded with a reason: up to 200 printable characters."


def stated(reason: str) -> str:
    """The reason as it is kept, on one line. Raises NoReason."""
    line = " ".join(reason.split())
    if not line or len(line) > 200 or not line.isprintable():
        raise NoReason
    return line


class OutboxEvent(models.Model):
    """One line of this service's log: written with the change it tells of, sent later by the relay, kept.

    `epoch` and `position` are given by the relay before the first publish and never change.
    """

    event_id = models.UUIDField(unique=True, default=ids.new, editable=False)
    type = models.CharField(max_length=100)
    dataschema = models.CharField(max_length=200)
    subject = models.CharField(max_length=100)
    aggregate_version = models.BigIntegerField(null=True)
    data = models.JSONField()
    cause_id = models.UUIDField(null=True)
    """The event whose handler said this; null where a request or the clock did."""
    request_id = models.CharField(max_length=64, null=True)
    traceparent = models.CharField(max_length=100, null=True)
    occurred_at = models.DateTimeField(db_default=Now())
    epoch = models.IntegerField(null=True)
    position = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["epoch", "position"], name="outbox_position_once")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(sent_at=None), name="outbox_unsent"),
            models.Index(fields=["subject"], name="outbox_subject"),
            models.Index(fields=["request_id"], condition=models.Q(request_id__isnull=False), name="outbox_request"),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.subject}"


class Log(models.Model):
    """The one row from which positions are counted, locked while they are given.

    What stands at `pruned_to` of this epoch or before is no longer in the log. While `recovering_since` is set, this
    database is an older state of itself that has not caught up with what the others have said since. While
    `announced_to` is set, the aggregates after that id are still to be told in this epoch.
    """

    epoch = models.IntegerField(default=1)
    position = models.BigIntegerField(default=0)
    pruned_to = models.BigIntegerField(db_default=0)
    recovering_since = models.DateTimeField(null=True)
    announced_to = models.UUIDField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="log_is_one_row")]

    def __str__(self) -> str:
        return f"epoch {self.epoch}, position {self.position}"


class Outcome(models.TextChoices):
    """What became of an event that was heard."""

    APPLIED = "applied"
    STALE = "stale", "stale: something newer was known"
    IGNORED = "ignored", "ignored: nobody here subscribes to it"
    PARKED = "parked"


class InboxEvent(models.Model):
    """An event that was heard. Its row is what makes the effect happen once."""

    consumer = models.CharField(max_length=50)
    event_id = models.UUIDField()
    source = models.CharField(max_length=50)
    epoch = models.IntegerField()
    position = models.BigIntegerField()
    type = models.CharField(max_length=100)
    subject = models.CharField(max_length=100, db_default="")
    request_id = models.CharField(max_length=64, null=True)
    outcome = models.CharField(max_length=10, choices=Outcome)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["consumer", "event_id"], name="inbox_once")]
        indexes = [
            models.Index(fields=["consumer", "source", "epoch", "position"], name="inbox_position"),
            models.Index(fields=["subject"], name="inbox_subject"),
            models.Index(fields=["request_id"], condition=models.Q(request_id__isnull=False), name="inbox_request"),
        ]

    def __str__(self) -> str:
        return f"{self.type} from {self.source}: {self.outcome}"


class Progress(models.Model):
    """How far this service has followed one epoch of another's log.

    All up to `seen_to` has been heard, or is known to be gone. The producer has told, at `told_at`, that its log
    reaches to `told`; `heard_at` is when it last said so, by its own clock where that is behind ours; `closed_at` is
    where an epoch ended that is no longer written. While `ask_again_at` lies ahead, an answer to what was asked is
    still waited for; `asks` counts the requests that have brought nothing.
    """

    source = models.CharField(max_length=50)
    epoch = models.IntegerField()
    seen_to = models.BigIntegerField(default=0)
    told = models.BigIntegerField(default=0)
    told_at = models.DateTimeField(db_default=Now())
    heard_at = models.DateTimeField(db_default=Now())
    closed_at = models.BigIntegerField(null=True)
    asks = models.PositiveIntegerField(db_default=0)
    ask_again_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "epoch"], name="progress_once")]

    def __str__(self) -> str:
        return f"{self.source} epoch {self.epoch}: {self.seen_to} of {self.told}"


class ReplayRequest(models.Model):
    """What another service has asked to be told again, and how far that has got. Gone when it is answered."""

    asker = models.CharField(max_length=50)
    epoch = models.IntegerField()
    first = models.BigIntegerField()
    next = models.BigIntegerField()
    last = models.BigIntegerField()
    snapshots_after = models.UUIDField(null=True)
    snapshots_done = models.BooleanField(db_default=False)
    served_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asker", "epoch"], name="replay_once")]

    def __str__(self) -> str:
        return f"{self.next} to {self.last} of epoch {self.epoch} for {self.asker}"


class Heard(models.Model):
    """The newest that is known of an aggregate of another service; what is not newer has no effect."""

    aggregate = models.CharField(max_length=50)
    aggregate_id = models.CharField(max_length=100)
    epoch = models.IntegerField()
    version = models.BigIntegerField()
    status = models.CharField(max_length=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["aggregate", "aggregate_id"], name="heard_once")]

    def __str__(self) -> str:
        return f"{self.aggregate} {self.aggregate_id} v{self.version}: {self.status}"


class ParkedMessage(models.Model):
    """A message that could not be applied: kept with its error until somebody retries or discards it."""

    class State(models.TextChoices):
        PARKED = "parked"
        APPLIED = "applied", "applied by a retry"
        DISCARDED = "discarded"

    consumer = models.CharField(max_length=50)
    event_id = models.UUIDField()
    source = models.CharField(max_length=50)
    type = models.CharField(max_length=100)
    body = models.BinaryField()
    error = models.TextField()
    traceback = models.TextField()
    attempts = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.PARKED)
    reason = models.CharField(max_length=200, default="")
    parked_at = models.DateTimeField(db_default=Now())
    tried_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["consumer", "event_id"], name="parked_once")]
        indexes = [models.Index(fields=["state", "type"], name="parked_state")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

    @property
    def text(self) -> str:
        """The payload for people: indented where it is JSON, with replacement characters where it is no UTF-8."""
        body = bytes(self.body)
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            body = msgspec.json.format(body, indent=2)
        return body.decode(errors="replace")

    def fail_again(self, *, error: str, traceback: str, now: dt.datetime) -> None:
        """A retry went wrong as well."""
        self._must_be_parked()
        self.error, self.traceback = error, traceback
        self.attempts, self.tried_at = self.attempts + 1, now
        self.save(update_fields=["error", "traceback", "attempts", "tried_at"])

    def succeed(self, *, now: dt.datetime) -> None:
        """A retry has applied it."""
        self._must_be_parked()
        self.state, self.closed_at = self.State.APPLIED, now
        self.attempts, self.tried_at = self.attempts + 1, now
        self.save(update_fields=["state", "closed_at", "attempts", "tried_at"])

    def discard(self, *, reason: str, now: dt.datetime) -> None:
        """It will never be applied, and `reason` says why that is right."""
        self._must_be_parked()
        self.state, self.reason, self.closed_at = self.State.DISCARDED, stated(reason), now
        self.save(update_fields=["state", "reason", "closed_at"])

    def redact(self, *, body: bytes) -> None:
        """Keep `body` in the place of what it was, and of its error the kind alone: the rest may quote it."""
        self.body, self.error, self.traceback = body, self.error.partition("(")[0], ""
        self.save(update_fields=["body", "error", "traceback"])

    def _must_be_parked(self) -> None:
        if self.state != self.State.PARKED:
            raise NotParked
