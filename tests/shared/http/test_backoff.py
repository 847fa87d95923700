import datetime as dt
import functools

import pytest
from django.db import connection

from shared import errors
from shared.http import backoff, limits, models
from shared.testing import races

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
HAMLET, OPHELIA = (backoff.Bucket(name=name, free=3) for name in ("hamlet", "ophelia"))


def at(seconds):
    return NOON + dt.timedelta(seconds=seconds)


def fail(*buckets, seconds=0):
    """Try and fail; the seconds to wait where that was not let through, else 0."""
    try:
        backoff.attempt(buckets or [HAMLET], now=at(seconds))
    except errors.TooMany as refusal:
        return refusal.retry_after
    return 0


def succeed(*buckets, seconds=0):
    backoff.attempt(buckets or [HAMLET], now=at(seconds)).was_no_failure()


def wait(bucket, moment):
    """How long it is until the next attempt."""
    row = models.Count.objects.get(bucket=bucket.name)
    return max(0, round(bucket.wait(row, at(moment)).total_seconds()))


def waits(failures, bucket=HAMLET):
    """How long one waits after each failure, whoever fails again as soon as he may."""
    moment, waited = 0, []
    for _ in range(failures):
        assert fail(bucket, seconds=moment) == 0
        waited.append(wait(bucket, moment))
        moment += waited[-1]
    return waited


@pytest.mark.django_db
class TestAttempt:
    def test_costs_no_wait_at_first_then_twice_as_long_each_time(self):
        assert waits(10) == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128]

    def test_never_costs_more_than_a_quarter_of_an_hour(self):
        assert max(waits(40)) == 900

    def test_that_has_to_wait_does_not_make_the_wait_longer(self):
        for _ in range(3):
            fail()

        assert [fail(seconds=0.25) for _ in range(50)] == [1] * 50
        assert fail(seconds=1) == 0

    def test_of_one_is_not_that_of_another(self):
        waits(5, HAMLET)

        assert fail(OPHELIA) == 0

    def test_waits_for_the_fuller_of_two_and_counts_in_neither_meanwhile(self):
        waits(6, HAMLET)
        before = set(models.Count.objects.values_list("bucket", "number"))

        assert fail(OPHELIA, HAMLET, seconds=8) > 0

        assert set(models.Count.objects.values_list("bucket", "number")) == before

    def test_that_failed_is_forgotten_after_a_while(self):
        waits(4)
        quiet = 3 + 4 * 900

        assert [fail(seconds=quiet) for _ in range(4)] == [0, 0, 0, 1]

    def test_that_failed_is_forgotten_one_by_one(self):
        for _ in range(3):
            fail()

        assert [fail(seconds=900) for _ in range(3)] == [0, 1, 1]

    def test_at_an_earlier_moment_than_the_last_is_let_through_all_the_same(self):
        """Two requests at once do not come in the order of their clocks."""
        fail(seconds=0.5)

        assert fail(seconds=0) == 0


@pytest.mark.django_db
class TestSuccess:
    def test_counts_for_nothing(self):
        for _ in range(20):
            succeed()

        assert waits(4) == [0, 0, 1, 2]

    def test_neither_shortens_nor_lengthens_what_others_have_to_wait(self):
        moment = sum(waits(6))
        row = models.Count.objects.get()

        succeed(seconds=moment)

        assert (models.Count.objects.get().number, models.Count.objects.get().window_ends) == (
            row.number,
            row.window_ends,
        )
        assert fail(seconds=moment) == 0
        assert fail(seconds=moment) == 16

    def test_over_and_over_forgets_nothing_sooner(self):
        """Else whoever has an account of his own would wash off his guesses at others."""
        for _ in range(3):
            fail()
        for _ in range(5):
            succeed(seconds=900)

        assert [fail(seconds=900) for _ in range(2)] == [0, 1]

    def test_leaves_what_others_failed_at_meanwhile(self):
        under_way = backoff.attempt([HAMLET], now=at(0))
        fail(seconds=1)
        fail(seconds=1)

        under_way.was_no_failure()

        assert [fail(seconds=2), fail(seconds=2)] == [0, 1]

    def test_after_the_row_was_swept_away_is_fine(self):
        under_way = backoff.attempt([HAMLET], now=at(0))
        limits.prune(now=at(10_000))

        under_way.was_no_failure()

        assert waits(3) == [0, 0, 1]


@pytest.mark.django_db
def test_what_is_forgotten_is_swept_away():
    fail()
    limits.prune(now=at(899))
    assert models.Count.objects.exists()

    limits.prune(now=at(900))
    assert not models.Count.objects.exists()


def seen_without_a_lock(buckets, now):
    names = sorted(bucket.name for bucket in buckets)
    for name in names:
        models.Count.objects.get_or_create(bucket=name, defaults={"number": 0, "window_ends": now})
    rows = models.Count.objects.in_bulk(names)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.1)")  # what a busy database does by itself now and then
    return rows


@pytest.mark.django_db(transaction=True)
class TestGuessesAtOnce:
    def test_are_no_more_than_one_after_the_other(self):
        answers = races.at_once(*[functools.partial(fail, HAMLET)] * 12)

        assert sorted(answers) == [0] * 3 + [1] * 9

    def test_control_without_the_lock_are_more(self, monkeypatch):
        fail()
        monkeypatch.setattr(backoff, "_locked", seen_without_a_lock)

        answers = races.at_once(*[functools.partial(fail, HAMLET)] * 12)

        assert answers.count(0) > 2

    def test_in_two_buckets_in_either_order_do_not_lock_each_other_out(self):
        both = [functools.partial(fail, *pair) for pair in ([HAMLET, OPHELIA], [OPHELIA, HAMLET])] * 6

        assert sorted(races.at_once(*both)) == [0] * 3 + [1] * 9
