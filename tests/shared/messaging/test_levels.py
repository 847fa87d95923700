"""How much waits: what /metrics tells of the database, beside parked messages."""

import datetime as dt

import pytest
from django.db import connection

from shared import clock, ids
from shared.messaging import database, metrics, models, progress
from shared.testing import measures

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)


def levels(name):
    """The values of one metric by its only label, or under None."""
    (family,) = [family for family in metrics.Levels().collect() if family.name == name]
    return {next(iter(sample.labels.values()), None): sample.value for sample in family.samples}


def came(*positions, epoch=1, source="/tickets", consumer="orders"):
    for position in positions:
        models.InboxEvent.objects.create(
            consumer=consumer, event_id=ids.new(), source=source, epoch=epoch, position=position,
            type="ticket.updated", outcome="applied",
        )  # fmt: skip


def told(position, *, epoch=1, source="/tickets", **known):
    progress.tell(source=source, epoch=epoch, position=position)
    models.Progress.objects.filter(source=source, epoch=epoch).update(**known)


class TestLastHeard:
    def heard(self):
        return levels("messaging_last_heard_timestamp_seconds")

    def test_is_when_it_was_said_and_not_when_it_came(self):
        """So whoever reads slowly is seen to."""
        progress.tell(source="/tickets", epoch=1, position=9, said_at=clock.now() - 90 * SECOND)

        (at,) = self.heard().values()
        assert 90 <= clock.now().timestamp() - at < 100

    def test_is_of_the_latest_epoch_that_spoke(self):
        told(9, heard_at=clock.now() - 90 * SECOND)
        told(1, epoch=2, heard_at=clock.now() - 30 * SECOND)

        assert clock.now().timestamp() - self.heard()["/tickets"] < 60

    def test_is_not_of_whom_it_does_not_listen_to_any_more(self):
        told(9, source="/reviews")

        assert self.heard() == {}


class TestLag:
    def lag(self):
        return levels("messaging_consumer_lag")

    def test_counts_what_is_told_to_exist(self):
        told(9, seen_to=2)

        assert self.lag() == {"/tickets": 7}

    def test_counts_what_came_beyond_what_was_told(self):
        told(9, seen_to=2)
        came(12)

        assert self.lag() == {"/tickets": 9}

    def test_does_not_count_what_came_and_was_not_followed_yet(self):
        told(5, seen_to=2)
        came(2, 3, 4, 5, 6)

        assert self.lag() == {"/tickets": 0}

    def test_counts_the_holes_alone(self):
        told(9, seen_to=2)
        came(4, 5, 8)

        assert self.lag() == {"/tickets": 4}

    def test_is_nothing_where_all_was_followed(self):
        told(9, seen_to=9)
        came(8, 9)

        assert self.lag() == {"/tickets": 0}

    def test_is_nothing_where_more_was_followed_than_told(self):
        told(9, seen_to=11)

        assert self.lag() == {"/tickets": 0}

    def test_is_of_each_source(self):
        told(9, seen_to=2)
        told(3, seen_to=2, source="/auth")
        came(20, source="/payments")

        assert self.lag() == {"/auth": 1, "/tickets": 7}

    def test_counts_no_further_than_to_the_end_of_an_epoch(self):
        told(9, seen_to=2, closed_at=5)
        came(4, 8)

        assert self.lag() == {"/tickets": 2}

    def test_is_that_of_all_epochs(self):
        told(9, seen_to=2, closed_at=5)
        told(4, seen_to=3, epoch=2)

        assert self.lag() == {"/tickets": 4}

    def test_does_not_look_into_the_inbox_of_another_consumer(self):
        told(9, seen_to=9)
        came(12, consumer="payments")

        assert self.lag() == {"/tickets": 0}


class TestReplay:
    def test_counts_the_requests_that_wait_for_an_answer(self):
        assert levels("messaging_replay_pending") == {None: 0}

        models.ReplayRequest.objects.create(asker="payments", epoch=1, first=1, next=1, last=9)

        assert levels("messaging_replay_pending") == {None: 1}


class TestUnsent:
    def test_is_as_old_as_its_oldest(self):
        assert levels("messaging_outbox_oldest_unsent_seconds") == {None: 0}

        models.OutboxEvent.objects.create(type="order.created", dataschema="urn:x", subject="x", data={})
        models.OutboxEvent.objects.update(occurred_at="2026-01-01T00:00:00Z")

        assert levels("messaging_outbox_unsent") == {None: 1}
        assert levels("messaging_outbox_oldest_unsent_seconds")[None] > 0


class TestDatabase:
    def test_tells_its_size_its_connections_and_how_long_one_has_been_at_work(self):
        families, own = list(database.of_database()), {"datname": connection.settings_dict["NAME"]}

        assert measures.level(families, "pg_database_size_bytes", **own) > 1_000_000
        assert measures.level(families, "pg_stat_database_numbackends", **own) >= 1
        assert measures.level(families, "pg_settings_max_connections") >= 10
        assert measures.level(families, "pg_stat_activity_max_tx_duration", **own) >= 0

    def test_says_that_it_is_there(self):
        assert measures.level(metrics.Levels().collect(), "database_up") == 1


@pytest.mark.django_db(transaction=True)
class TestDatabaseAway:
    @pytest.fixture(autouse=True)
    def _away(self, monkeypatch):
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "PORT", "9")
        yield
        connection.close()

    def test_is_all_that_is_told_and_no_failure(self):
        families = list(metrics.Levels().collect())

        assert [family.name for family in families] == ["database_up"]
        assert measures.level(families, "database_up") == 0
