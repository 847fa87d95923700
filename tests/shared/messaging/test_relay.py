"""Nothing that was committed is lost between the outbox and the broker, whoever dies when."""

import random
import threading
import uuid

import pytest
from django.db import connection, connections, transaction

from shared import tracing
from shared.messaging import leadership, models, outbox, relay, topology
from shared.messaging.brokers import port
from shared.testing import measures, waiting
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")

WRITERS, EACH = 8, 25


class Audience:
    """A publisher that keeps what it is given."""

    def __init__(self):
        self.heard = []

    def publish(self, bodies, *, exchange, listeners):
        self.heard += [port.Delivery(body, "orders", 0) for body in bodies]


@pytest.fixture
def lead():
    """A connection that leads, as the relay's own does."""
    with leadership.connect("relay") as connection:
        connection.execute(relay.FIRST_LOG_ROW)
        yield connection


def say(*events):
    with transaction.atomic():
        for event in events:
            outbox.publish(event)


def unsent():
    return models.OutboxEvent.objects.filter(sent_at=None).count()


class TestBatch:
    def test_numbers_publishes_and_marks(self, lead, embedded, publishing, subscribing):
        orders = [stage.order() for _ in range(3)]
        with tracing.bind(request="request-1", trace="00-a-b-01"):
            say(*orders)
        reader = subscribing(embedded, "payments.inbox")

        sent = relay.relay_batch(lead, publishing(embedded, "orders"))

        heard = stage.said(reader.receive(limit=10, wait=1))
        assert sent == 3
        assert unsent() == 0
        assert [envelope.subject for envelope in heard] == [str(order.id) for order in orders]
        assert [(envelope.logepoch, envelope.position) for envelope in heard] == [(1, 1), (1, 2), (1, 3)]
        assert {(envelope.source, envelope.requestid, envelope.traceparent) for envelope in heard} == {
            ("/orders", "request-1", "00-a-b-01")
        }

    def test_positions_go_on_from_batch_to_batch_without_a_hole(self, lead):
        audience = Audience()
        say(*[stage.order() for _ in range(7)])

        while relay.relay_batch(lead, audience, limit=3):
            pass

        assert [envelope.position for envelope in stage.said(audience.heard)] == [1, 2, 3, 4, 5, 6, 7]

    def test_counts_what_was_sent_by_its_type(self, lead):
        created, completed = (
            measures.moving("messaging_published_total", type=type_) for type_ in ("order.created", "order.completed")
        )
        say(stage.order(), stage.order())

        while relay.relay_batch(lead, Audience(), limit=1):
            pass

        assert (created(), completed()) == (2, 0)

    def test_nothing_unsent_is_nothing_to_do(self, lead):
        assert relay.relay_batch(lead, Audience()) == 0

    def test_the_commit_of_the_numbers_comes_before_the_publish(self, lead):
        say(stage.order())

        class Witness(Audience):
            def publish(self, bodies, **_where):
                self.positions = list(models.OutboxEvent.objects.values_list("position", flat=True))

        witness = Witness()
        relay.relay_batch(lead, witness)

        assert witness.positions == [1]


class TestConcurrentWriters:
    """Ids are given before the commit: rows become visible out of the order of their ids."""

    def by_the_flag(self, lead, audience):
        return relay.relay_batch(lead, audience)

    def by_a_high_water_mark(self, lead, audience):
        mark = getattr(audience, "mark", 0)
        rows = lead.execute(
            "SELECT id, event_id FROM messaging_outboxevent WHERE id > %s ORDER BY id", (mark,)
        ).fetchall()
        audience.heard += [event_id for _, event_id in rows]
        audience.mark = rows[-1][0] if rows else mark

    def write(self):
        try:
            for _ in range(EACH):
                with transaction.atomic(), connection.cursor() as cursor:
                    outbox.publish(stage.order())
                    cursor.execute("SELECT pg_sleep(%s)", (random.uniform(0, 0.01),))
        finally:
            connections.close_all()

    def performance(self, lead, audience, take):
        writers = [threading.Thread(target=self.write) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            take(lead, audience)
        while take(lead, audience):
            pass
        return len(audience.heard)

    def test_lose_nothing(self, lead):
        audience = Audience()

        assert self.performance(lead, audience, self.by_the_flag) == WRITERS * EACH
        assert sorted(one.position for one in stage.said(audience.heard)) == list(range(1, WRITERS * EACH + 1))

    def test_a_high_water_mark_would(self, lead):
        """The negative control."""
        assert self.performance(lead, Audience(), self.by_a_high_water_mark) < WRITERS * EACH

    def test_keep_the_order_of_each_aggregate(self, lead):
        hamlet = uuid.uuid4()
        audience = Audience()
        versions = iter(range(1, 1000))

        def change():
            """What a command does: lock the aggregate, then publish."""
            try:
                for _ in range(10):
                    with transaction.atomic(), connection.cursor() as cursor:
                        cursor.execute("SELECT pg_advisory_xact_lock(1603)")
                        outbox.publish(stage.order(id=hamlet, version=next(versions)))
                        cursor.execute("SELECT pg_sleep(%s)", (random.uniform(0, 0.003),))
            finally:
                connections.close_all()

        writers = [threading.Thread(target=change) for _ in range(4)]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            relay.relay_batch(lead, audience, limit=3)
        while relay.relay_batch(lead, audience, limit=3):
            pass

        assert [one.aggregateversion for one in stage.said(audience.heard)] == list(range(1, 41))


class TestCrash:
    class Killed(BaseException):
        """The end of the process."""

    def dying(self, *, after):
        """An audience whose relay dies in its first publish: before the broker has the batch, or after."""
        outer = self

        class Dying(Audience):
            def publish(self, bodies, **where):
                if after or self.heard:
                    super().publish(bodies, **where)
                if len(self.heard) <= len(bodies):
                    raise outer.Killed

        return Dying()

    def test_between_confirm_and_mark_is_a_duplicate_not_a_loss(self, lead):
        say(stage.order(), stage.order())
        audience = self.dying(after=True)

        with pytest.raises(self.Killed):
            relay.relay_batch(lead, audience)
        relay.relay_batch(lead, audience)

        heard = stage.said(audience.heard)
        assert [one.position for one in heard] == [1, 2, 1, 2]
        assert len({one.id for one in heard}) == 2
        assert unsent() == 0

    def test_a_position_is_given_once_whatever_happens(self, lead):
        say(stage.order())
        with pytest.raises(self.Killed):
            relay.relay_batch(lead, self.dying(after=False))
        say(stage.order())
        audience = Audience()

        relay.relay_batch(lead, audience)

        assert [one.position for one in stage.said(audience.heard)] == [1, 2]

    def test_marking_before_publishing_would_lose(self, lead):
        """The negative control."""
        say(stage.order())
        audience = self.dying(after=False)
        rows = lead.execute("UPDATE messaging_outboxevent SET sent_at = now() RETURNING id").fetchall()

        with pytest.raises(self.Killed):
            audience.publish(rows, exchange="orders.events", listeners=frozenset())
        relay.relay_batch(lead, audience)

        assert audience.heard == []


class TestLeadership:
    def test_one_relays_and_a_spare_takes_over_within_two_seconds(self, embedded, settings, running):
        settings.BROKER_URL = embedded.url("orders")
        first, second = running(relay.run, name="first"), running(relay.run, name="second")
        waiting.until(lambda: {first.status.text, second.status.text} == {"relaying", "spare"})
        leader, spare = (first, second) if first.status.text == "relaying" else (second, first)

        leader.end()

        waiting.until(lambda: spare.status.text == "relaying", seconds=2)

    def test_two_at_once_would_send_twice(self, lead):
        """The negative control: what the lock is good for."""
        say(stage.order())
        audience = Audience()

        class Slow(Audience):
            def publish(self, bodies, **where):
                with leadership.connect("a second relay") as another:
                    relay.relay_batch(another, audience)
                audience.publish(bodies, **where)

        relay.relay_batch(lead, Slow())

        assert [one.position for one in stage.said(audience.heard)] == [1, 1]

    def test_a_relay_that_lost_its_connection_leads_no_more(self, embedded, settings, running):
        settings.BROKER_URL = embedded.url("orders")
        performance = running(relay.run)
        waiting.until(lambda: performance.status.text == "relaying")

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orders relay'"
            )
        say(stage.order())

        waiting.until(lambda: unsent() == 0)
        waiting.until(lambda: performance.status.text == "relaying")


class TestBroker:
    def test_everything_waits_for_a_broker_that_is_away(self, mortal_broker, settings, running, subscribing):
        broker, server = mortal_broker
        settings.BROKER_URL = broker.url("orders")
        performance = running(relay.run)
        say(stage.order())
        waiting.until(lambda: unsent() == 0)

        server.stop()
        say(*[stage.order() for _ in range(3)])
        waiting.until(lambda: "Away" in performance.status.text)
        assert performance.status.ready, "a broker that is away is no reason to restart the relay"
        server.start()

        waiting.until(lambda: unsent() == 0, seconds=30)
        reader = subscribing(broker, "tickets.inbox")
        got = []
        waiting.until(lambda: got.extend(stage.events_in(reader.receive(limit=9, wait=0.1))) or len(got) >= 4)
        assert {one.position for one in got} == {1, 2, 3, 4}

    def test_a_relay_at_work_says_how_far_its_log_reaches(self, embedded, settings, running, subscribing):
        """Or what is lost at the end of the log, after which nothing comes, would be missed by nobody."""
        settings.BROKER_URL = embedded.url("orders")
        reader = subscribing(embedded, "tickets.inbox")
        say(stage.order())

        running(relay.run)

        got = []
        waiting.until(lambda: got.extend(stage.said(reader.receive(limit=9, wait=0.1))) or len(got) >= 2)
        assert [(one.type, one.position) for one in got[:2]] == [("order.created", 1), ("log.position", None)]

    def test_a_queue_that_is_missing_leaves_the_rows_unsent_and_the_relay_unready(
        self, broker, settings, running, subscribing
    ):
        settings.BROKER_URL = broker.url("orders")
        for name in topology.listeners("orders.events"):
            broker.drop(name)
        performance = running(relay.run)

        say(stage.order())
        waiting.until(lambda: performance.status.text.startswith("Unroutable"))
        assert not performance.status.ready
        assert unsent() == 1
        broker.reset()

        waiting.until(lambda: unsent() == 0, seconds=10)
        waiting.until(lambda: performance.status.ready)

    def test_is_woken_by_a_commit(self, embedded, settings, running, subscribing, monkeypatch):
        monkeypatch.setattr(relay, "_POLL_SECONDS", 30)
        settings.BROKER_URL = embedded.url("orders")
        reader = subscribing(embedded, "tickets.inbox")
        performance = running(relay.run)
        waiting.until(lambda: performance.status.text == "relaying")

        say(stage.order())

        assert len(waiting.until(lambda: reader.receive(limit=1, wait=0.5))) == 1
        monkeypatch.undo()
        say(stage.order())  # wakes it, so that it sees that the test is over
