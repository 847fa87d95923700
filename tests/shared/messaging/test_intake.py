"""A batch: together where it can be, one by one where it must be."""

import msgspec
import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from prometheus_client import REGISTRY

from shared.contracts import envelope as envelopes
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

    @pytest.mark.parametrize("name", [{"subject": "x" * 101}, {"subject": "a\x00b"}, {"requestid": "r" * 65}])
    def test_that_names_what_the_inbox_cannot_hold_is_parked(self, name):
        odd = msgspec.structs.replace(stage.envelope(stage.ticket()), **name)

        take(envelopes.encode(odd), stage.body(stage.ticket(), position=2))

        assert models.ParkedMessage.objects.get().type == "unreadable"
        assert len(stage.effects()) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"version": b'"two"'},
            {"version": b"1180591620717411303424"},
            {"title": b"null"},
            {"title": b'"nul \\u0000"'},
            {"title": b'"\xff\xfe"'},
            {"venue": b'{"a": ' * 500 + b"1" + b"}" * 500},
            {"status": b'"' + b"x" * 300 + b'"'},
        ],
        ids=["wrong type", "huge number", "null", "nul", "no utf-8", "deep", "long status"],
    )
    def test_that_is_subscribed_to_and_does_not_fit_is_parked_with_its_type(self, change):
        take(with_data(**change), stage.body(stage.ticket(), position=2))

        message = models.ParkedMessage.objects.get()
        assert (message.type, message.source) == ("ticket.updated", "/tickets")
        assert models.InboxEvent.objects.get(outcome="parked").event_id == message.event_id
        assert len(stage.effects()) == 1

    @pytest.mark.parametrize(
        "data", [b'{"title": "\\ud800"}', b'{"a": ' * 5000 + b"1" + b"}" * 5000], ids=["lone surrogate", "deep"]
    )
    def test_that_is_no_json_to_us_is_parked_as_unreadable(self, data):
        take(with_data(data), stage.body(stage.ticket(), position=2))

        message = models.ParkedMessage.objects.get()
        assert (message.type, message.source) == ("unreadable", "/tickets")
        assert len(stage.effects()) == 1

    def test_of_ten_megabytes_is_parked_whole_with_an_error_that_can_be_read(self):
        stage.refused.add("M" * 10_000_000)

        take(stage.body(stage.ticket(title="M" * 10_000_000)), stage.body(stage.ticket(), position=2))

        message = models.ParkedMessage.objects.get()
        assert len(message.body) > 10_000_000
        assert len(message.error) < 3000
        assert "in ticket_changed\n" in message.traceback
        assert len(message.traceback) < 20_000
        assert len(stage.effects()) == 1

    def test_whose_error_is_no_text_is_parked_all_the_same(self):
        envelope = stage.envelope(stage.ticket())

        parked.park(envelope, b"{}", consumer="orders", error=ValueError("nul \x00 and \ud800"))

        assert "nul" in models.ParkedMessage.objects.get().error

    @pytest.mark.parametrize(
        "trouble", [psycopg.errors.DiskFull, psycopg.errors.TooManyConnections, psycopg.errors.AdminShutdown]
    )
    def test_what_fails_for_the_databases_sake_is_none(self, monkeypatch, trouble):
        """Its own connection may answer all the while: the message has to come again when the trouble is over."""

        def fail(envelope, **more):
            raise OperationalError("no space left") from trouble("no space left")

        monkeypatch.setattr(apply, "apply", fail)
        with pytest.raises(OperationalError):
            take(stage.body(stage.ticket()))

        assert not models.ParkedMessage.objects.exists()
        assert not models.InboxEvent.objects.exists()

    def test_that_takes_too_long_is_not_tried_three_times_more(self, monkeypatch):
        tries = []

        def crawl(envelope, **more):
            tries.append(envelope.id)
            raise OperationalError("too slow") from psycopg.errors.QueryCanceled("statement timeout")

        monkeypatch.setattr(apply, "apply", crawl)
        take(stage.body(stage.ticket()))

        assert len(tries) == 2  # with the others, and alone
        assert models.ParkedMessage.objects.count() == 1

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


class TestNotSubscribedTo:
    """Recorded and counted, never parked: whatever it holds is nobody's business here."""

    @pytest.mark.parametrize("schema", ["99", "0", "x", "", "9" * 5000, "1:1"])
    def test_a_known_type_in_a_version_that_nobody_knows(self, schema):
        before = consumed("ignored")

        take(with_data(b'{"id": 7}', dataschema=f"urn:admit-one:event:ticket.updated:{schema}"))

        assert not models.ParkedMessage.objects.exists()
        assert models.InboxEvent.objects.get().outcome == "ignored"
        assert consumed("ignored") - before == 1

    @pytest.mark.parametrize("data", [b"null", b"[]", b'"nul \\u0000"', b"[" * 500 + b"]" * 500])
    def test_a_type_of_another_day(self, data):
        take(with_data(data, type="ticket.auctioned"))

        assert not models.ParkedMessage.objects.exists()
        assert models.InboxEvent.objects.get().outcome == "ignored"


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


def with_data(data=b"", /, **change):
    """The bytes of an event about a ticket: with these `data`, attributes or (given as bytes) members of its data."""
    envelope = stage.envelope(stage.ticket())
    members = {name: msgspec.Raw(value) for name, value in change.items() if isinstance(value, bytes)}
    attributes = {name: value for name, value in change.items() if isinstance(value, str)}
    data = data or msgspec.json.encode(msgspec.json.decode(envelope.data, type=dict[str, msgspec.Raw]) | members)
    return envelopes.encode(msgspec.structs.replace(envelope, data=msgspec.Raw(data), **attributes))
