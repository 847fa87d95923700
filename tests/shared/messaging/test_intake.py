"""A batch: together where it can be, one by one where it must be."""

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from prometheus_client import REGISTRY

from shared.contracts import tickets
from shared.messaging import apply, intake, models, parked
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


def take(*bodies, sender="tickets"):
    intake.take(stage.deliveries(*bodies, sender=sender), queue="orders.inbox")


def consumed(outcome):
    return REGISTRY.get_sample_value("messaging_consumed_total", {"queue": "orders.inbox", "outcome": outcome}) or 0


class TestBatch:
    def test_is_applied_in_the_order_of_the_log(self):
        shows = [stage.ticket() for _ in range(3)]
        bodies = [stage.body(show, position=place) for place, show in zip((3, 1, 2), shows, strict=True)]

        take(*bodies)

        assert stage.effects() == [(str(shows[index].id), 0) for index in (1, 2, 0)]

    def test_is_one_transaction(self, monkeypatch):
        begun = []
        atomic = transaction.atomic
        monkeypatch.setattr(
            intake.transaction, "atomic", lambda *args, **more: begun.append(more) or atomic(*args, **more)
        )

        take(*[stage.body(stage.ticket(), position=place) for place in range(1, 6)])

        assert len([more for more in begun if more.get("savepoint", True)]) == 1

    def test_again_has_no_effect(self):
        bodies = [stage.body(stage.verdict(), position=1), stage.body(stage.ticket(), position=2)]

        take(*bodies, *bodies)
        take(*bodies)

        assert len(stage.effects()) == 2


class TestPoison:
    def bodies(self):
        stage.refused.add("Macbeth")
        titles = ["Hamlet", "Othello", "Macbeth", "King Lear"]
        return [stage.body(stage.ticket(title=title), position=place) for place, title in enumerate(titles, start=1)]

    def test_parks_alone(self):
        take(*self.bodies())

        (message,) = models.ParkedMessage.objects.all()
        assert len(stage.effects()) == 3
        assert message.error == "Refused('Macbeth')"
        assert "ticket_changed" in message.traceback
        assert (message.type, message.source, message.attempts, message.state) == (
            "ticket.updated",
            "/tickets",
            1,
            "parked",
        )

    def test_would_take_the_whole_batch_along_if_not_redone_one_by_one(self, monkeypatch):
        """The negative control."""
        monkeypatch.setattr(intake, "_alone", lambda _message, *, now: "lost")

        take(*self.bodies())

        assert stage.effects() == []

    def test_is_parked_once_however_often_it_comes(self):
        bodies = self.bodies()

        take(*bodies)
        take(*bodies)

        assert models.ParkedMessage.objects.count() == 1
        assert models.InboxEvent.objects.get(outcome="parked").event_id == models.ParkedMessage.objects.get().event_id

    @pytest.mark.parametrize(
        "body",
        [b"", b"no json", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"specversion": "1.0"}'],
        ids=["empty", "text", "array", "bytes", "deep", "members"],
    )
    def test_that_cannot_be_read_is_parked_once(self, body):
        take(body, stage.body(stage.ticket()))
        take(body)

        assert bytes(models.ParkedMessage.objects.get().body) == body
        assert len(stage.effects()) == 1

    @pytest.mark.parametrize("place", [{"position": 2**70}, {"position": 0}, {"epoch": 2**40}])
    def test_that_the_inbox_cannot_hold_is_parked(self, place):
        take(stage.body(stage.ticket(), **place), stage.body(stage.ticket(), position=2))

        assert models.ParkedMessage.objects.count() == 1
        assert len(stage.effects()) == 1

    def test_whose_error_is_no_text_is_parked_all_the_same(self):
        envelope = stage.envelope(stage.ticket())

        parked.park(envelope, b"{}", consumer="orders", error=ValueError("nul \x00 and \ud800"))

        assert "nul" in models.ParkedMessage.objects.get().error

    def test_a_passing_deadlock_is_none(self, monkeypatch):
        """It is tried again before anything is parked."""
        failures = iter(
            [psycopg.errors.DeadlockDetected("once in the batch"), psycopg.errors.DeadlockDetected("once alone")]
        )
        real = apply.apply

        def unlucky(envelope, **more):
            for failure in failures:
                raise OperationalError(str(failure)) from failure
            return real(envelope, **more)

        monkeypatch.setattr(apply, "apply", unlucky)
        take(stage.body(stage.ticket()))

        assert len(stage.effects()) == 1
        assert not models.ParkedMessage.objects.exists()


class TestForgery:
    def test_of_a_sender_is_discarded_and_counted(self):
        before = consumed("discarded")

        take(stage.body(stage.ticket()), sender="payments")
        take(stage.body(stage.ticket()), sender=None)

        assert stage.effects() == []
        assert not models.InboxEvent.objects.exists(), "or the true event with that id would be taken for a duplicate"
        assert consumed("discarded") - before == 2

    def test_of_a_type_is_discarded(self):
        class Usurped(tickets.TicketUpdated, frozen=True, kw_only=True, rename="camel"):
            SOURCE = "/payments"

        take(stage.body(stage.ticket(said=Usurped)), sender="payments")

        assert stage.effects() == []

    def test_what_is_genuine_is_not(self):
        before = consumed("applied")

        take(stage.body(stage.ticket()))

        assert consumed("applied") - before == 1


class TestDatabaseAway:
    def test_nothing_is_parked_and_the_batch_is_to_be_taken_again(self, monkeypatch):
        bodies = [stage.body(stage.ticket(), position=place) for place in (1, 2)]
        monkeypatch.setattr(stage, "note", lambda *_args: terminate())
        monkeypatch.setattr(intake, "_database_answers", lambda: False)

        with pytest.raises(OperationalError):
            take(*bodies)
        monkeypatch.undo()
        connection.close()
        take(*bodies)

        assert not models.ParkedMessage.objects.exists()
        assert len(stage.effects()) == 2


def terminate():
    """What the end of the server does to a statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
