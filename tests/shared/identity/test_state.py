"""The state that verifiers consult, read from a real database by its own thread."""

import datetime as dt
import os
import subprocess
import sys
import time
import uuid

import pytest
from django.db import connection, transaction

from shared.identity import copies, handlers, models, state, tokens
from shared.testing import measures, waiting
from tests.shared.identity import people

READ = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'identity-state' AND datname = current_database()"  # noqa: E501

# As gunicorn does: the first process loads the service and never reads.
FORKED = """
import os
import django
from prometheus_client import CollectorRegistry, multiprocess
django.setup()
from shared.identity import metrics
if os.fork() == 0:
    metrics.state_read.set(7)
    os._exit(0)
os.wait()
families = multiprocess.MultiProcessCollector(CollectorRegistry()).collect()
name = "identity_state_last_read_timestamp_seconds"
print(*(sample.value for family in families for sample in family.samples if sample.name == name))
"""


@pytest.fixture
def source(kept):
    """A source that reads this test's database."""
    reading = state.DatabaseSource()
    yield reading
    reading.close()


def identity(**members):
    now = dt.datetime.now(dt.UTC)
    usual = {
        "user_id": people.OPHELIA,
        "session_id": uuid.uuid4(),
        "email": None,
        "roles": (),
        "issued_at": now,
        "expires_at": now + dt.timedelta(minutes=15),
        "token_id": "t",
    }
    return tokens.Identity(**{**usual, **members})


def revoke(session_id):
    expires_at = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=15)
    with transaction.atomic():
        copies.revoke_session(id=session_id, user_id=people.OPHELIA, expires_at=expires_at)


def execute(statement, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


class TestReading:
    def test_holds_the_keys(self, source, issuer):
        assert set(source.current().keys) == {issuer.kid}

    def test_a_revoked_session_is_refused_within_a_second(self, source):
        somebody = identity()
        assert not source.current().refuses(somebody)

        revoke(somebody.session_id)

        waiting.until(lambda: source.current().refuses(somebody), seconds=1)
        assert not source.current().refuses(identity())

    def test_a_ban_is_obeyed_within_a_second_and_a_reinstatement_lets_new_tokens_in(self, source):
        earlier = identity()
        assert not source.current().refuses(earlier)
        at = dt.datetime.now(dt.UTC)

        with transaction.atomic():
            handlers.user_changed(people.banned(tokens_valid_after=at), now=at)

        waiting.until(lambda: source.current().refuses(earlier), seconds=1)
        later = identity(issued_at=at + dt.timedelta(milliseconds=1))
        assert source.current().refuses(later)
        with transaction.atomic():
            handlers.user_changed(people.event(tokens_valid_after=at, version=2), now=at)
        waiting.until(lambda: not source.current().refuses(later), seconds=1)
        assert source.current().refuses(earlier)

    def test_a_retired_key_is_gone_within_a_second(self, source, issuer):
        assert source.current().keys

        with transaction.atomic():
            copies.retire_key(issuer.kid)

        waiting.until(lambda: not source.current().keys, seconds=1)

    def test_a_notification_wakes_it_before_its_time(self, source, monkeypatch):
        monkeypatch.setattr(state, "READ_EVERY", 3)
        somebody = identity()
        assert not source.current().refuses(somebody)

        revoke(somebody.session_id)

        waiting.until(lambda: source.current().refuses(somebody), seconds=1)

    def test_says_when_it_last_knew(self, source):
        source.current()

        read_at = measures.count("identity_state_last_read_timestamp_seconds")
        assert abs(time.time() - read_at) < 60
        waiting.until(lambda: measures.count("identity_state_last_read_timestamp_seconds") > read_at)

    def test_each_of_several_processes_says_so_for_itself(self, tmp_path):
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

        done = subprocess.run(
            [sys.executable, "-c", FORKED], env=environment, capture_output=True, text=True, check=True, timeout=60
        )

        assert sorted(map(float, done.stdout.split())) == [0, 7]

    def test_it_looks_by_itself_when_no_notification_comes(self, source):
        somebody = identity()
        assert not source.current().refuses(somebody)

        execute(
            "INSERT INTO identity_revokedsession VALUES (%s, %s, now() + interval '1 hour')",
            somebody.session_id,
            people.OPHELIA,
        )
        execute("UPDATE identity_change SET counter = counter + 1")

        waiting.until(lambda: source.current().refuses(somebody), seconds=1)

    def test_it_reads_everything_only_when_the_counter_has_moved(self, source):
        first = source.current()
        before = source._read_at

        waiting.until(lambda: source._read_at > before)

        assert source.current() is first

    def test_what_rolls_back_is_not_seen(self, source):
        somebody = identity()
        source.current()

        with transaction.atomic():
            revoke(somebody.session_id)
            transaction.set_rollback(True)
        before = source._read_at
        waiting.until(lambda: source._read_at > before)

        assert not source.current().refuses(somebody)

    def test_forgets_what_no_token_can_be_concerned_by(self, source):
        old = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        copies.revoke_session(id=uuid.uuid4(), user_id=people.OPHELIA, expires_at=old)
        handlers.user_changed(people.banned(tokens_valid_after=old), now=old)

        waiting.until(lambda: source.current(), seconds=1)
        assert source.current().revoked == frozenset()
        assert source.current().invalidated == {}

    def test_a_new_process_knows_it_from_the_database_alone(self, source):
        somebody = identity()
        revoke(somebody.session_id)

        fresh = state.DatabaseSource()
        try:
            assert fresh.current().refuses(somebody)
        finally:
            fresh.close()


class Unreachable(state.DatabaseSource):
    """A source whose database is away while `away` is true."""

    away = True

    def _address(self):
        return {**super()._address(), **({"port": 9} if self.away else {})}


class TestUnreadable:
    def test_from_the_start_is_a_503(self, kept, monkeypatch):
        monkeypatch.setattr(state, "FIRST_READ", 0.1)
        source = Unreachable()
        known = measures.moving("identity_state_last_read_timestamp_seconds")
        try:
            with pytest.raises(state.StateUnreadable) as refusal:
                source.current()
        finally:
            source.close()

        assert known() == 0

        assert (refusal.value.status, refusal.value.retry_after) == (503, 1)

    def test_is_bridged_for_five_seconds_then_a_503_and_then_over(self, kept, monkeypatch):
        source = Unreachable()
        source.away = False
        try:
            assert source.current().keys
            source.away = True
            execute(READ)
            assert source.current().keys  # what was read a moment ago still counts
            source._read_at = time.monotonic() - state.STALE_AFTER - 1

            with pytest.raises(state.StateUnreadable):
                source.current()

            source.away = False
            waiting.until(lambda: readable(source), seconds=3)
        finally:
            source.close()

    def test_it_comes_back_after_its_connection_was_cut(self, source):
        somebody = identity()
        source.current()

        execute(READ)
        revoke(somebody.session_id)

        waiting.until(lambda: source.current().refuses(somebody), seconds=2)


def readable(source):
    try:
        return source.current()
    except state.StateUnreadable:
        return None


class TestNoKeys:
    def test_is_a_503(self, transactional_db):
        source = state.DatabaseSource()
        try:
            with state.reading_from(source), pytest.raises(state.NoKeys) as refusal:
                state.current()
        finally:
            source.close()

        assert refusal.value.status == 503


class TestAFork:
    def test_gets_a_thread_of_its_own(self, source):
        source.current()
        with state.reading_from(source):
            state._after_fork()
            child = state._source

            assert child is not source
            assert state.current().keys
            child.close()


class TestSnapshot:
    def snapshot(self, **members):
        return state.Snapshot(**{"keys": {}, "revoked": frozenset(), "invalidated": {}, **members})

    def test_a_token_of_the_very_moment_is_refused(self):
        somebody = identity()

        snapshot = self.snapshot(invalidated={somebody.user_id: (True, somebody.issued_at)})

        assert snapshot.refuses(somebody)

    def test_a_later_one_of_the_same_second_is_not(self):
        somebody = identity()
        valid_after = somebody.issued_at - dt.timedelta(microseconds=1)

        assert not self.snapshot(invalidated={somebody.user_id: (True, valid_after)}).refuses(somebody)

    def test_nobody_else_is_touched(self):
        assert not self.snapshot(revoked=frozenset({uuid.uuid4()})).refuses(identity())

    def test_by_default_every_token_of_a_user_counts(self):
        assert not self.snapshot(invalidated={people.OPHELIA: (True, models.ALWAYS)}).refuses(identity())
