"""A service that was restored from a dump catches up before it is written to, and its listeners follow it back."""

import datetime as dt
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from shared import clock, ids
from shared.contracts import log, registry, tickets
from shared.messaging import intake, metrics, models, notices, outbox, progress, recovery, replay, snapshots, sweeps
from shared.messaging.brokers import port
from shared.testing import post, waiting
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")

PRODUCERS = ("/auth", "/payments", "/tickets")


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    recovery.refuse_writes.forget()
    yield
    recovery.refuse_writes.forget()


@pytest.fixture
def publisher():
    return post.Post()


@pytest.fixture
def aggregates(monkeypatch):
    """The orders that this service has: a dictionary of what it would say of each."""
    kept = {}

    def page(*, after, most):
        ahead = sorted((key for key in kept if after is None or key > after), key=str)
        return [kept[key] for key in ahead[:most]]

    monkeypatch.setattr(snapshots, "page", page)
    return kept


def say(*said):
    with transaction.atomic():
        for event in said:
            outbox.publish(event)


def own():
    return models.Log.objects.get()


def hear(notice, *, source, epoch=1, ago=dt.timedelta()):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notices.settings, "SERVICE", registry.service_of(source))
        written = notices.body(notice, epoch=epoch, now=clock.now() - ago)
    intake.take([port.Delivery(written, source[1:], 1)], queue="orders.inbox")


def hear_position(position, *, source, epoch=1, ago=dt.timedelta()):
    hear(log.LogPosition(epoch=epoch, position=position), source=source, epoch=epoch, ago=ago)


def everybody_is_silent_but_well():
    for source in PRODUCERS:
        hear_position(0, source=source)


class TestBeginning:
    def test_starts_a_log_of_its_own(self):
        say(stage.order(), stage.order())
        post.relay_all()
        models.Log.objects.update(pruned_to=1)

        recovery.begin(epoch=4)

        assert (own().epoch, own().position, own().pruned_to) == (4, 0, 0)
        assert recovery.is_under_way()

    @pytest.mark.parametrize("epoch", [1, 2])
    def test_demands_a_new_number(self, epoch):
        models.Log.objects.create(id=1, epoch=2, position=7)

        with pytest.raises(recovery.EpochNotNew):
            recovery.begin(epoch=epoch)

        assert (own().epoch, own().position, own().recovering_since) == (2, 7, None)

    def test_what_was_not_numbered_is_said_under_another_id(self):
        """It has an old position in the timeline that is lost, and listeners know that id."""
        say(stage.order())
        before = models.OutboxEvent.objects.get().event_id

        recovery.begin(epoch=2)

        ((_, envelope),) = post.relay_all().sent
        assert envelope.id != before
        assert (envelope.logepoch, envelope.position) == (2, 1)

    def test_what_was_numbered_is_said_as_it_was(self):
        say(stage.order())
        post.relay_all()
        models.OutboxEvent.objects.update(sent_at=None)
        before = models.OutboxEvent.objects.get().event_id

        recovery.begin(epoch=2)

        ((_, envelope),) = post.relay_all().sent
        assert (envelope.id, envelope.logepoch, envelope.position) == (before, 1, 1)

    def test_owes_nobody_what_was_asked_before_the_dump(self):
        models.ReplayRequest.objects.create(asker="payments", epoch=1, first=1, next=1, last=9)

        recovery.begin(epoch=2)

        assert not models.ReplayRequest.objects.exists()


class TestCatchingUp:
    def test_begins_by_asking_every_producer_from_where_the_dump_ends(self, publisher):
        hear_position(7, source="/tickets")
        models.Progress.objects.update(seen_to=5, asks=4, ask_again_at=clock.now() + dt.timedelta(minutes=1))
        recovery.begin(epoch=2)

        assert replay.ask(publisher) == 3

        (asked,) = publisher.to("tickets")
        assert post.open(asked) == log.ReplayRequested(epoch=1, from_=6, to=progress.END)
        assert asked.logepoch == 2
        (asked,) = publisher.to("auth")
        assert post.open(asked) == log.ReplayRequested(epoch=1, from_=1, to=progress.END)

    def test_ends_when_all_are_heard_and_followed(self):
        recovery.begin(epoch=2)

        assert recovery.step(most=9) == "recovering: waits for auth, tickets, payments"
        hear_position(0, source="/auth")
        hear_position(0, source="/payments")
        hear_position(1, source="/tickets")
        assert recovery.step(most=9) == "recovering: waits for tickets"
        intake.take(stage.deliveries(stage.body(stage.ticket(), position=1)), queue="orders.inbox")
        assert recovery.step(most=9) == "recovered"

        assert not recovery.is_under_way()

    def test_what_was_said_before_and_has_waited_in_a_queue_is_no_news(self):
        everybody_is_silent_but_well()
        recovery.begin(epoch=2)
        for source in PRODUCERS:
            hear_position(0, source=source, ago=dt.timedelta(minutes=5))

        assert recovery.step(most=9) == "recovering: waits for auth, tickets, payments"

    def test_what_the_dump_remembers_of_a_producer_is_not_believed(self):
        hear_position(9, source="/tickets")
        recovery.begin(epoch=2)
        hear_position(4, source="/tickets", epoch=2)
        for position in range(1, 5):
            body = stage.body(stage.ticket(), position=position, epoch=2)
            intake.take(stage.deliveries(body), queue="orders.inbox")
        hear_position(0, source="/auth")
        hear_position(0, source="/payments")

        assert recovery.step(most=9) == "recovered"

    def test_an_answer_is_as_good_as_an_announcement(self):
        recovery.begin(epoch=2)
        for source in PRODUCERS:
            said = log.ReplayCompleted(epoch=1, from_=1, to=progress.END, first_kept=1, last_kept=0, position=0)
            hear(said, source=source)

        assert recovery.step(most=9) == "recovered"

    def test_tells_what_its_log_holds_meanwhile_but_no_snapshots(self, publisher, aggregates):
        """Who recovers at the same time needs the log; a state that has not caught up is nobody's truth."""
        said = stage.order()
        say(said)
        post.relay_all()
        recovery.begin(epoch=2)
        aggregates[said.id] = stage.order(id=said.id)
        say(stage.order())
        post.relay_all()
        hear(log.ReplayRequested(epoch=1, from_=1, to=9), source="/payments")
        hear(log.ReplayRequested(epoch=2, from_=1, to=9), source="/tickets")

        for _ in range(4):
            replay.answer(publisher, most=9)

        assert publisher.to("payments") == []
        assert [one.position for one in publisher.to("tickets")] == [1, None]
        everybody_is_silent_but_well()
        recovery.step(most=9)
        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=9)
            post.relay_all()
        assert post.open(publisher.to("payments")[-1]).last_kept == 1


class TestWrites:
    def test_are_refused_until_it_has_caught_up(self):
        recovery.begin(epoch=2)
        with pytest.raises(recovery.Recovering):
            recovery.refuse_writes()
        everybody_is_silent_but_well()

        recovery.step(most=9)

        recovery.refuse_writes.forget()
        recovery.refuse_writes()

    def test_cost_no_query_each(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            for _ in range(20):
                recovery.refuse_writes()


class TestTheClock:
    def test_decides_nothing_meanwhile(self, running, settings):
        path = f"{__name__}.sweep"
        settings.MESSAGING_SWEEPS = {path: 0.01}
        paused = metrics.swept.labels(path, "paused")
        before = paused._value.get()
        swept.clear()
        recovery.begin(epoch=2)

        running(sweeps.run)
        waiting.until(lambda: paused._value.get() >= before + 3)
        assert swept == []
        models.Log.objects.update(recovering_since=None)

        waiting.until(lambda: swept)


swept: list[str] = []


def sweep() -> None:
    swept.append("dust")


class TestTellingAnew:
    @pytest.fixture
    def caught_up(self):
        recovery.begin(epoch=2)
        everybody_is_silent_but_well()
        assert recovery.step(most=9) == "recovered"

    def test_tells_every_aggregate_once_in_the_new_epoch(self, aggregates, caught_up):
        for _ in range(5):
            order = stage.order()
            aggregates[order.id] = order

        while recovery.step(most=2):
            continue

        told = [envelope for _, envelope in post.relay_all().sent]
        assert [one.logepoch for one in told] == [2] * 5
        assert {uuid.UUID(one.subject) for one in told} == set(aggregates)
        assert own().announced_to is None

    def test_but_not_what_has_been_told_in_it_already(self, aggregates, caught_up):
        old, new = stage.order(), stage.order()
        aggregates |= {old.id: old, new.id: new}
        say(new)
        post.relay_all()

        while recovery.step(most=9):
            continue

        assert [uuid.UUID(envelope.subject) for _, envelope in post.relay_all().sent] == [old.id]

    def test_goes_on_where_it_was_killed(self, aggregates, caught_up, monkeypatch):
        for _ in range(4):
            order = stage.order()
            aggregates[order.id] = order
        recovery.step(most=2)

        class Killed(BaseException):
            """As `kill -9` would: nothing is committed."""

        def die(_event):
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(snapshots.outbox, "publish", die)
            with pytest.raises(Killed):
                recovery.step(most=2)
        while recovery.step(most=2):
            continue

        assert sorted(row.subject for row in models.OutboxEvent.objects.all()) == sorted(map(str, aggregates))

    def test_waits_until_it_has_caught_up(self, aggregates):
        order = stage.order()
        aggregates[order.id] = order
        recovery.begin(epoch=2)

        recovery.step(most=9)

        assert not models.OutboxEvent.objects.exists()


class TestListeners:
    """Here this service is a listener, and tickets is the one that was restored."""

    def test_follow_back_to_a_lower_version_in_a_new_epoch(self):
        hamlet = ids.new()
        heard = stage.body(stage.ticket(id=hamlet, version=8), position=8)
        intake.take(stage.deliveries(heard), queue="orders.inbox")

        back = stage.body(stage.ticket(id=hamlet, version=3), position=1, epoch=2)
        intake.take(stage.deliveries(back), queue="orders.inbox")

        assert stage.effects() == [(str(hamlet), 8), (str(hamlet), 3)]
        assert models.Heard.objects.get().version == 3

    def test_ignore_it_in_the_same_epoch(self):
        """The negative control: without a new epoch the restored service is not believed."""
        hamlet = ids.new()
        heard = stage.body(stage.ticket(id=hamlet, version=8), position=8)
        intake.take(stage.deliveries(heard), queue="orders.inbox")

        back = stage.body(stage.ticket(id=hamlet, version=3), position=4)
        intake.take(stage.deliveries(back), queue="orders.inbox")

        assert stage.effects() == [(str(hamlet), 8)]

    def test_and_take_nothing_of_the_lost_timeline_that_comes_late(self):
        hamlet = ids.new()
        back = stage.body(stage.ticket(id=hamlet, version=3), position=1, epoch=2)
        intake.take(stage.deliveries(back), queue="orders.inbox")

        late = stage.body(stage.ticket(id=hamlet, version=8, said=tickets.TicketUpdated), position=8)
        intake.take(stage.deliveries(late), queue="orders.inbox")

        assert stage.effects() == [(str(hamlet), 3)]


class TestTheCommand:
    def test_begins_an_epoch(self, capsys):
        call_command("begin_recovery", epoch=2)

        assert own().epoch == 2

    @pytest.mark.parametrize("epoch", [-1, 0, 1, 2**31])
    def test_refuses_a_number_that_is_none(self, epoch):
        with pytest.raises(CommandError):
            call_command("begin_recovery", epoch=epoch)

    def test_refuses_tables_of_newer_code(self):
        MigrationRecorder(connection).record_applied("messaging", "9999_from_the_future")

        with pytest.raises(CommandError, match=r"newer code.*messaging\.9999_from_the_future"):
            call_command("begin_recovery", epoch=2)

        MigrationRecorder(connection).record_unapplied("messaging", "9999_from_the_future")

    def test_refuses_tables_of_older_code(self):
        MigrationRecorder(connection).record_unapplied("messaging", "0003_log_announced_to")

        with pytest.raises(CommandError, match=r"migrate.*messaging\.0003_log_announced_to"):
            call_command("begin_recovery", epoch=2)

        MigrationRecorder(connection).record_applied("messaging", "0003_log_announced_to")
