import datetime as dt
import threading

import pytest
from django.db import OperationalError, connection, connections, transaction

from shared import errors
from shared.http import limits, models, tasks
from shared.testing import races

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
WINDOW = dt.timedelta(minutes=15)


def at(seconds):
    return NOON + dt.timedelta(seconds=seconds)


def count(bucket="hamlet", *, limit=3, seconds=0):
    limits.count(bucket, limit=limit, window=WINDOW, now=at(seconds))


@pytest.mark.django_db
class TestCount:
    def test_lets_as_many_pass_as_the_limit(self):
        for _ in range(3):
            count()

        with pytest.raises(errors.TooMany):
            count()

    def test_begins_again_when_the_window_of_the_first_is_over(self):
        for seconds in (0, 899, 899):
            count(seconds=seconds)

        with pytest.raises(errors.TooMany):
            count(seconds=899)
        count(seconds=900)

    def test_says_when_to_come_again(self):
        count(limit=1)

        with pytest.raises(errors.TooMany) as refusal:
            count(limit=1, seconds=300.5)
        assert refusal.value.retry_after == 600

    def test_of_one_bucket_is_not_that_of_another(self):
        count("hamlet", limit=1)
        count("ophelia", limit=1)

        assert models.Count.objects.count() == 2

    def test_goes_on_while_it_refuses(self):
        for _ in range(5):
            try:
                count(limit=1)
            except errors.TooMany:
                continue

        assert models.Count.objects.get(bucket="hamlet").number == 5


@pytest.mark.django_db(transaction=True)
def test_counts_of_many_at_once_are_all_counted():
    start = threading.Barrier(8)
    refused = []

    def ask():
        try:
            start.wait(20)
            count(limit=5)
        except errors.TooMany:
            refused.append(1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(refused) == 3
    assert models.Count.objects.get(bucket="hamlet").number == 8


@pytest.mark.django_db
class TestWritesOfAUser:
    @pytest.fixture(autouse=True)
    def _strict(self, settings):
        settings.WRITES_PER_MINUTE = 2

    def write(self, caller):
        return caller.post("/api/plays", {"title": "Hamlet", "price": 5})

    def test_are_limited(self, hamlet):
        assert [self.write(hamlet).status_code for _ in range(2)] == [201, 201]

        response = self.write(hamlet)

        assert response.status_code == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 60
        assert response.json()["errors"][0]["code"] == "too_many_requests"

    def test_of_one_are_not_those_of_another(self, hamlet, ophelia):
        for _ in range(3):
            self.write(hamlet)

        assert self.write(ophelia).status_code == 201

    def test_do_not_include_reading(self, hamlet):
        for _ in range(3):
            self.write(hamlet)

        assert hamlet.get("/api/plays").status_code == 200

    def test_of_nobody_are_not_counted(self, nobody):
        for _ in range(3):
            assert self.write(nobody).status_code == 401
        assert not models.Count.objects.exists()

    def test_are_unlimited_with_no_limit(self, hamlet, settings):
        settings.WRITES_PER_MINUTE = 0

        assert {self.write(hamlet).status_code for _ in range(4)} == {201}

    def test_are_counted_when_they_fail(self, hamlet):
        for _ in range(2):
            assert hamlet.post("/api/plays", {}).status_code == 400

        assert hamlet.post("/api/plays", {}).status_code == 429


@pytest.mark.django_db
def test_windows_that_are_over_are_forgotten():
    now = dt.datetime.now(dt.UTC)
    limits.count("over", limit=1, window=WINDOW, now=now - WINDOW)
    limits.count("open", limit=1, window=WINDOW, now=now)

    tasks.prune()

    assert [row.bucket for row in models.Count.objects.all()] == ["open"]


@pytest.mark.django_db(transaction=True)
class TestForgettingWhileSomebodyCounts:
    """Somebody locks two rows in their order; what is forgotten is deleted in whatever order it is found."""

    @pytest.fixture(autouse=True)
    def over(self):
        for bucket in ("held", "over"):
            limits.count(bucket, limit=1, window=WINDOW, now=NOON - WINDOW)

    def forget_beside(self, forget):
        """While another transaction holds a row; rather than wait it fails."""

        def with_patience():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                forget()

        with transaction.atomic():
            models.Count.objects.select_for_update().get(bucket="held")
            races.at_once(with_patience)

    def test_waits_for_nobody_and_comes_again_for_what_was_held(self):
        self.forget_beside(lambda: limits.prune(now=NOON))
        assert [row.bucket for row in models.Count.objects.all()] == ["held"]

        limits.prune(now=NOON)
        assert not models.Count.objects.exists()

    def test_control_a_plain_deletion_waits(self):
        with pytest.raises(OperationalError, match="lock timeout"):
            self.forget_beside(lambda: models.Count.objects.filter(window_ends__lte=NOON).delete())
