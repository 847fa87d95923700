"""What was missed is asked for and told again; whoever dies meanwhile, nothing stays missing."""

import itertools

import pytest
from django.db import connection, transaction

from shared import clock
from shared.contracts import envelope as envelopes
from shared.contracts import log, orders
from shared.messaging import consumer, intake, leadership, models, notices, outbox, progress, relay, replay, topology
from shared.messaging.brokers import port
from shared.testing import post, waiting
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.fixture
def publisher():
    return post.Post()


def hear(notice, *, source="/payments", epoch=1):
    """A notice of another service, as the consumer takes it."""
    intake.take([port.Delivery(body(notice, source=source, epoch=epoch), source[1:], 1)], queue="orders.inbox")


def body(notice, *, source="/payments", epoch=1):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notices.settings, "SERVICE", source[1:])
        return notices.body(notice, epoch=epoch, now=clock.now())


def say(*said):
    """Events of this service's own, numbered and sent."""
    with transaction.atomic():
        for event in said:
            outbox.publish(event)
    post.relay_all()


def missing(*, position):
    """Tickets has said a while ago that its log reaches so far."""
    hear(log.LogPosition(epoch=1, position=position), source="/tickets")
    models.Progress.objects.update(told_at=clock.now() - 2 * replay.progress.PATIENCE)


def asked_for(first, last, *, asker="/payments", epoch=1):
    hear(log.ReplayRequested(epoch=epoch, from_=first, to=last), source=asker)


class TestAsking:
    def test_goes_to_the_producer_alone_and_names_the_range(self, publisher):
        missing(position=7)

        assert replay.ask(publisher) == 1

        (envelope,) = publisher.to("tickets")
        assert post.open(envelope) == log.ReplayRequested(epoch=1, from_=1, to=7)
        assert (envelope.source, envelope.position) == ("/orders", None)

    def test_waits_for_the_answer(self, publisher):
        missing(position=7)

        replay.ask(publisher)

        assert replay.ask(publisher) == 0

    def test_is_not_taken_for_done_where_the_broker_was_away(self, publisher):
        missing(position=7)
        publisher.broken = True
        with pytest.raises(port.Away):
            replay.ask(publisher)
        publisher.broken = False

        assert replay.ask(publisher) == 1


class TestIntroduction:
    def test_asks_whoever_was_never_heard_for_the_first_of_his_log(self, publisher):
        missing(position=7)

        replay.introduce(publisher)

        assert {exchange for exchange, _ in publisher.sent} == {"auth.direct", "payments.direct"}
        assert {post.open(one) for _, one in publisher.sent} == {log.ReplayRequested(epoch=1, from_=1, to=1)}

    def test_is_answered_with_how_far_the_log_reaches(self, publisher):
        """So all that was ever said is known to be missing, though nothing more is said."""
        say(*[stage.order() for _ in range(5)])
        asked_for(1, 1)
        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=10)

        assert post.open(publisher.to("payments")[-1]).position == 5


class TestAnswering:
    def test_tells_the_asker_the_same_events_again(self, publisher):
        said = [stage.order() for _ in range(4)]
        say(*said)
        asked_for(2, 3)

        assert replay.answer(publisher, most=10) == 2

        again = publisher.to("payments")
        rows = models.OutboxEvent.objects.filter(position__in=(2, 3)).order_by("position")
        assert [(one.id, one.position) for one in again] == [(row.event_id, row.position) for row in rows]
        assert [post.open(one) for one in again] == said[1:3]

    def test_and_then_that_this_was_all(self, publisher):
        say(*[stage.order() for _ in range(4)])
        asked_for(2, 3)

        replay.answer(publisher, most=10)
        replay.answer(publisher, most=10)

        assert post.open(publisher.to("payments")[-1]) == log.ReplayCompleted(
            epoch=1, from_=2, to=3, first_kept=1, last_kept=4, position=4
        )
        assert not models.ReplayRequest.objects.exists()

    def test_no_more_at_once_than_it_may(self, publisher):
        say(*[stage.order() for _ in range(7)])
        asked_for(1, 7)

        counts = [replay.answer(publisher, most=3) for _ in range(4)]

        assert counts == [3, 3, 1, 0]
        assert [one.position for one in publisher.to("payments")][:7] == [1, 2, 3, 4, 5, 6, 7]

    def test_goes_on_where_it_was_killed(self, publisher):
        """What was sent is not noted until the broker has confirmed it; a repeat is a duplicate and no loss."""
        say(*[stage.order() for _ in range(5)])
        asked_for(1, 5)
        replay.answer(publisher, most=2)
        publisher.broken = True
        with pytest.raises(port.Away):
            replay.answer(publisher, most=2)
        publisher.broken = False

        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=2)

        assert [one.position for one in publisher.to("payments")][:-1] == [1, 2, 3, 4, 5]

    def test_requests_of_one_asker_are_merged(self, publisher):
        say(*[stage.order() for _ in range(9)])
        asked_for(5, 6)
        asked_for(2, 3)

        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=10)

        assert [one.position for one in publisher.to("payments")] == [2, 3, 4, 5, 6, None]

    def test_a_request_that_comes_while_the_last_is_answered_is_not_forgotten(self, publisher):
        say(*[stage.order() for _ in range(9)])
        asked_for(5, 6)

        class Interrupted(post.Post):
            def publish(self, bodies, **where):
                if not self.sent:
                    asked_for(2, 9)
                super().publish(bodies, **where)

        publisher = Interrupted()
        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=10)

        assert {one.position for one in publisher.to("payments")} == {2, 3, 4, 5, 6, 7, 8, 9, None}

    def test_a_request_that_comes_while_the_last_is_called_complete_is_not_forgotten(self):
        say(*[stage.order() for _ in range(9)])
        asked_for(5, 6)

        class Interrupted(post.Post):
            def publish(self, bodies, **where):
                if len(self.sent) == 2:
                    asked_for(7, 9)
                super().publish(bodies, **where)

        publisher = Interrupted()
        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=10)

        assert {one.position for one in publisher.to("payments")} == {5, 6, 7, 8, 9, None}

    def test_two_askers_take_turns(self, publisher):
        say(*[stage.order() for _ in range(4)])
        asked_for(1, 4, asker="/payments")
        asked_for(1, 4, asker="/tickets")

        for _ in range(2):
            replay.answer(publisher, most=1)

        assert {exchange for exchange, _ in publisher.sent} == {"payments.direct", "tickets.direct"}

    def test_is_complete_though_more_is_said_all_the_time(self, publisher):
        say(*[stage.order() for _ in range(4)])
        asked_for(1, progress.END)

        for _ in range(3):
            replay.answer(publisher, most=3)
            say(stage.order())

        assert post.open(publisher.to("payments")[-1]) == log.ReplayCompleted(
            epoch=1, from_=1, to=4, first_kept=1, last_kept=6, position=6
        )

    def test_what_was_never_said_is_not_invented(self, publisher):
        say(stage.order())
        asked_for(1, 10**9)

        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=10)

        assert [one.position for one in publisher.to("payments")] == [1, None]

    def test_an_epoch_that_was_never_reached_is_no_reason_to_stop(self, publisher):
        say(stage.order())
        asked_for(1, 4, epoch=9)

        assert replay.answer(publisher, most=10) == 0
        assert publisher.sent == []
        assert not models.ReplayRequest.objects.exists()

    def test_an_epoch_that_has_ended_is_told_where(self, publisher):
        say(*[stage.order() for _ in range(3)])
        models.Log.objects.update(epoch=2, position=0)
        asked_for(3, 8)

        while models.ReplayRequest.objects.exists():
            replay.answer(publisher, most=10)

        *again, completed = publisher.to("payments")
        assert [one.position for one in again] == [3]
        assert completed.logepoch == 2
        assert post.open(completed) == log.ReplayCompleted(
            epoch=1, from_=3, to=8, first_kept=1, last_kept=3, position=0
        )


class TestNotices:
    def test_leave_no_trace_in_the_inbox(self):
        hear(log.LogPosition(epoch=1, position=7), source="/tickets")

        assert not models.InboxEvent.objects.exists()
        assert models.Progress.objects.get().told == 7

    def test_of_whom_nobody_listens_to_are_not_believed(self):
        hear(log.LogPosition(epoch=1, position=7), source="/reviews")

        assert not models.Progress.objects.exists()

    @pytest.mark.parametrize(
        "notice",
        [
            log.LogPosition(epoch=0, position=7),
            log.LogPosition(epoch=2**40, position=7),
            log.LogPosition(epoch=1, position=2**80),
            log.ReplayRequested(epoch=1, from_=0, to=7),
            log.ReplayRequested(epoch=1, from_=-5, to=2**70),
            log.ReplayCompleted(epoch=1, from_=1, to=2, first_kept=-1, last_kept=2, position=2),
        ],
        ids=lambda notice: notice.TYPE,
    )
    def test_that_make_no_sense_are_discarded_and_not_parked(self, notice):
        hear(notice, source="/tickets")

        assert not models.Progress.objects.exists()
        assert not models.ReplayRequest.objects.exists()
        assert not models.ParkedMessage.objects.exists()

    def test_of_a_kind_that_is_not_known_are_ignored(self):
        written = body(log.LogPosition(epoch=1, position=7), source="/tickets")
        later = written.replace(b"log.position", b"log.reviewed")

        intake.take([port.Delivery(later, "tickets", 1)], queue="orders.inbox")

        assert not models.ParkedMessage.objects.exists()
        assert not models.Progress.objects.exists()

    def test_in_the_name_of_another_are_forged(self):
        forged = body(log.LogPosition(epoch=1, position=7), source="/tickets")

        intake.take([port.Delivery(forged, "payments", 1)], queue="orders.inbox")

        assert not models.Progress.objects.exists()

    def test_are_heeded_after_the_events_that_came_with_them(self):
        """Else a replay could count as complete before what it brought is known."""
        order = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(notices, "hear", lambda envelope: order.append("notice") or True)
            patch.setattr(stage, "note", lambda *_: order.append("event"))
            deliveries = [
                port.Delivery(body(log.LogPosition(epoch=1, position=1), source="/tickets"), "tickets", 1),
                *stage.deliveries(stage.body(stage.ticket())),
            ]
            intake.take(deliveries, queue="orders.inbox")

        assert order == ["event", "notice"]

    def test_an_event_without_a_position_is_malformed(self):
        envelope = stage.envelope(stage.ticket())
        nowhere = envelopes.encode(envelope).replace(b'"position":1,', b"")

        intake.take(stage.deliveries(nowhere), queue="orders.inbox")

        assert models.ParkedMessage.objects.count() == 1


class TestAnnouncements:
    def test_every_second_while_something_is_said_and_every_half_minute_else(self):
        announcements = relay.Announcements(now=0.0)
        moments = itertools.count()
        said = [second for second in (next(moments) for _ in range(200)) if _due(announcements, second)]

        assert said[:61] == list(range(61))
        assert [after - before for before, after in itertools.pairwise(said[60:])] == [30] * 4

    def test_name_the_last_position(self, publisher):
        say(*[stage.order() for _ in range(3)])
        with leadership.connect("relay") as lead:
            relay.announce(lead, publisher)

        ((exchange, envelope),) = publisher.sent
        assert exchange == "orders.events"
        assert post.open(envelope) == log.LogPosition(epoch=1, position=3)


def _due(announcements, second):
    return announcements.are_due(sent=0, now=float(second))


class TestDatabase:
    def test_that_was_away_is_asked_again_over_a_new_connection(self, embedded, settings, running):
        settings.BROKER_URL = embedded.url("orders")
        performance = running(replay.run)
        waiting.until(lambda: performance.status.text == "following")

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        waiting.until(lambda: "away" in performance.status.text)

        waiting.until(lambda: performance.status.text == "following", seconds=10)


class TestOverABroker:
    """Orders asks tickets, whose part is played by rows of a log kept here."""

    @pytest.fixture
    def orders_at_work(self, broker, settings, running):
        settings.BROKER_URL = broker.url("orders")
        for queue in topology.queues("orders"):
            running(lambda stop, *, status, queue=queue: consumer.run(stop, queue=queue, status=status))
        running(replay.run)

    def test_what_the_broker_lost_is_asked_for_and_comes(
        self, broker, orders_at_work, publishing, subscribing, monkeypatch
    ):
        tickets_log = [stage.body(stage.ticket(), position=place) for place in range(1, 31)]
        to_orders = {"exchange": "tickets.events", "listeners": topology.listeners("tickets.events")}
        tickets = publishing(broker, "tickets")
        tickets.publish(tickets_log[:10], **to_orders)
        tickets.publish(tickets_log[25:28], **to_orders)  # 11 to 25 are lost in the middle, 29 and 30 at the end
        waiting.until(lambda: len(stage.effects()) == 13, seconds=20)  # what is under way would be asked for as well
        tickets.publish([body(log.LogPosition(epoch=1, position=30), source="/tickets")], **to_orders)

        reader = subscribing(broker, "tickets.inbox")
        answer = {"exchange": "orders.direct", "listeners": topology.listeners("orders.direct")}
        asked_for = set()

        def is_whole():
            for request in map(post.open, stage.said(reader.receive(limit=9, wait=0.2))):
                asked_for.update(range(request.from_, request.to + 1))
                tickets.publish(tickets_log[request.from_ - 1 : request.to], **answer)
            return len(stage.effects()) == 30

        waiting.until(is_whole, seconds=20)
        assert asked_for >= {*range(11, 26), 29, 30}
        assert not asked_for & set(range(2, 11)), "what has come is not asked for"
        waiting.until(lambda: models.Progress.objects.get().seen_to == 30, seconds=15)

    def test_a_process_that_is_asked_answers(self, broker, orders_at_work, publishing, subscribing):
        say(*[stage.order() for _ in range(12)])
        reader = subscribing(broker, "payments.inbox")
        request = body(log.ReplayRequested(epoch=1, from_=3, to=12), source="/payments")

        publishing(broker, "payments").publish([request], exchange="orders.direct", listeners=frozenset())

        got = []

        def is_answered():
            heard = stage.said(reader.receive(limit=50, wait=0.2))
            got.extend(one for one in heard if one.type != log.ReplayRequested.TYPE)  # it asks as well
            return len(got) >= 11

        waiting.until(is_answered, seconds=15)
        assert [one.position for one in got] == [*range(3, 13), None]
        assert got[-1].type == log.ReplayCompleted.TYPE
        assert {one.type for one in got[:-1]} == {orders.OrderCreated.TYPE}
