"""A poison message in a crowd: parked once, and nothing else is lost, doubled, late or out of order because of it."""

import functools

import pytest
from django.db import OperationalError

from shared import clock, ids
from shared.messaging import consumer, models, parked, topology
from shared.testing import waiting
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")

TICKETS = {"exchange": "tickets.events", "listeners": topology.listeners("tickets.events")}
INBOX = next(queue for queue in topology.queues("orders") if queue.name == "orders.inbox")
consume = functools.partial(consumer.run, queue=INBOX)

SHOWS = [ids.new() for _ in range(10)]
VERSIONS = 20
HALF = len(SHOWS) * VERSIONS // 2


@pytest.fixture
def season():
    """200 good events, of each of ten tickets the versions 0 to 19 in turn."""
    return [stage.ticket(id=show, version=version) for version in range(VERSIONS) for show in SHOWS]


@pytest.fixture
def macbeth():
    stage.refused.add("Macbeth")
    return stage.ticket(title="Macbeth", version=VERSIONS)


@pytest.fixture
def poison(macbeth):
    return stage.body(macbeth, position=HALF + 1)


@pytest.fixture
def perform(settings, running, publishing):
    """`perform(broker, events, *bodies)`: heard by the real consumer, with `bodies` in the middle of the events."""

    def performed(broker, events, *bodies):
        settings.BROKER_URL = broker.url("orders")
        said = [stage.body(event, position=place + (place > HALF)) for place, event in enumerate(events, 1)]
        publishing(broker, "tickets").publish([*said[:HALF], *bodies, *said[HALF:]], **TICKETS)
        return running(consume)

    return performed


def effects_of(shows):
    """Which versions of each ticket were applied, in the order in which they were."""
    done = stage.effects()
    return {show: [version for what, version in done if what == str(show)] for show in shows}


class TestInTheMiddleOfTwoHundred:
    def test_parks_once_and_the_others_are_applied_in_order(self, broker, perform, season, poison):
        perform(broker, season, poison, poison)

        waiting.until(lambda: len(stage.effects()) == 2 * HALF, seconds=15)
        waiting.until(lambda: models.InboxEvent.objects.count() == 2 * HALF + 1)
        assert effects_of(SHOWS) == {show: list(range(VERSIONS)) for show in SHOWS}
        message = models.ParkedMessage.objects.get()
        assert (message.error, message.attempts, bytes(message.body)) == ("Refused('Macbeth')", 1, poison)

    def test_that_is_no_event_at_all_does_them_no_harm_either(self, broker, perform, season):
        perform(broker, season, b'{"specversion": "0.3"}', b'{"data": "' + b"x" * 10_000_000 + b'"}')

        waiting.until(lambda: len(stage.effects()) == 2 * HALF, seconds=30)
        waiting.until(lambda: models.ParkedMessage.objects.filter(type="unreadable").count() == 2)
        assert effects_of(SHOWS) == {show: list(range(VERSIONS)) for show in SHOWS}

    def test_would_hold_up_all_that_comes_after_it_if_it_were_not_parked(
        self, embedded, perform, season, poison, monkeypatch
    ):
        """The negative control: who waits for a poison as one waits for a database waits for ever."""
        tries = []

        def wait_for_it(*_arguments, **_more):
            tries.append("again")
            raise OperationalError("it will surely pass")

        monkeypatch.setattr(parked, "park", wait_for_it)

        performance = perform(embedded, season, poison)

        waiting.until(lambda: len(tries) >= 3, seconds=15)
        assert len(stage.effects()) == HALF
        performance.end()


class TestItsAggregate:
    """An event carries the state, so that a later one makes up for the one that is parked."""

    @pytest.fixture
    def sequel(self, macbeth):
        return stage.ticket(id=macbeth.id, version=macbeth.version + 1, title="Macbeth, revised")

    def test_goes_on_and_a_late_retry_undoes_nothing(self, broker, perform, season, macbeth, poison, sequel):
        perform(broker, [*season, sequel], poison)
        waiting.until(lambda: len(stage.effects()) == 2 * HALF + 1, seconds=15)
        stage.refused.clear()

        (outcome,) = [outcome for _, outcome in parked.retry_each(parked.waiting())]

        assert outcome == "stale"
        assert effects_of([macbeth.id]) == {macbeth.id: [sequel.version]}
        assert models.Heard.objects.get(aggregate_id=macbeth.id).version == sequel.version
        assert models.ParkedMessage.objects.get().state == "applied"

    def test_is_caught_up_by_a_retry_where_nothing_newer_has_come(self, embedded, perform, season, macbeth, poison):
        perform(embedded, season, poison)
        waiting.until(lambda: models.ParkedMessage.objects.exists(), seconds=15)
        message = models.ParkedMessage.objects.get()

        assert parked.retry(parked_id=message.id, now=clock.now()) == "parked"
        assert parked.retry(parked_id=message.id, now=clock.now()) == "parked"
        stage.refused.clear()
        assert parked.retry(parked_id=message.id, now=clock.now()) == "applied"

        message.refresh_from_db()
        assert message.attempts == 4
        assert effects_of([macbeth.id]) == {macbeth.id: [macbeth.version]}
