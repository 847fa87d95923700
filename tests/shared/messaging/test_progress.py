"""What of a producer's log has come, what is missing, and when it is asked for."""

import datetime as dt
import itertools

import pytest
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from shared import clock, ids
from shared.messaging import models, progress

NOON = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
LONG_AGO = progress.PATIENCE * 2

positions = st.sets(st.integers(1, 60))


def received(*numbers, at=NOON):
    return [progress.Received(number, at) for number in sorted(numbers)]


def inside(holes):
    return {position for hole in holes for position in range(hole.first, hole.last + 1)}


class TestSurvey:
    @given(positions, st.integers(0, 20), st.integers(0, 70))
    def test_finds_exactly_what_is_missing(self, came, seen_to, told):
        above = {position for position in came if position > seen_to}

        reached, holes = progress.survey(seen_to, received(*above), told=told, told_at=NOON)

        known = set(range(1, seen_to + 1)) | above
        should = set(range(1, max([*known, told], default=0) + 1))
        assert inside(holes) == should - known
        assert set(range(1, reached + 1)) <= known
        assert reached + 1 not in known

    @given(positions, st.integers(0, 70))
    def test_holes_ascend_and_never_touch(self, came, told):
        _, holes = progress.survey(0, received(*came), told=told, told_at=NOON)

        assert all(hole.first <= hole.last for hole in holes)
        assert all(one.last + 1 < other.first for one, other in itertools.pairwise(holes))

    def test_a_hole_is_as_old_as_what_came_above_it(self):
        later = NOON + dt.timedelta(seconds=5)

        _, holes = progress.survey(0, [progress.Received(3, later)], told=9, told_at=NOON)

        assert holes == (progress.Hole(1, 2, later), progress.Hole(4, 9, NOON))


@pytest.fixture
def came(db):
    """`came(1, 2, 5)`: these positions of tickets' log are in the inbox, for a while already."""

    def come(*numbers, epoch=1, ago=LONG_AGO):
        for number in numbers:
            models.InboxEvent.objects.create(
                consumer="orders", event_id=ids.new(), source="/tickets", epoch=epoch, position=number,
                type="ticket.updated", outcome="applied", received_at=clock.now() - ago,
            )  # fmt: skip

    return come


@pytest.fixture
def told(db):
    """`told(7)`: tickets has said, a while ago, that its log reaches so far."""

    def tell(position, *, epoch=1, ago=LONG_AGO, source="/tickets"):
        progress.tell(source=source, epoch=epoch, position=position)
        models.Progress.objects.filter(source=source, epoch=epoch).update(told_at=F("told_at") - ago)

    return tell


def row(epoch=1):
    return next(row for row in progress.followed() if row.epoch == epoch)


def wanted(epoch=1):
    return progress.wanted(row(epoch), now=clock.now())


class TestFollowing:
    def test_begins_at_zero_so_all_that_was_ever_said_is_missing(self, told, came):
        told(500)
        came(498, 499, 500)

        assert wanted() == (1, 497)

    def test_moves_over_what_has_come_without_a_gap(self, told, came):
        told(5)
        came(1, 2, 3, 5)

        assert row().seen_to == 3
        assert models.Progress.objects.get().seen_to == 3

    def test_moves_over_more_than_one_window(self, told, came, monkeypatch):
        monkeypatch.setattr(progress, "_WINDOW", 3)
        told(8)
        came(*range(1, 9))

        assert row().seen_to == 8
        assert wanted() is None

    def test_what_lies_beyond_the_window_waits_for_its_turn(self, told, came, monkeypatch):
        monkeypatch.setattr(progress, "_WINDOW", 3)
        told(20)
        came(3, 5, 7, 11)

        assert wanted() == (1, 6)

    def test_several_holes_are_one_range(self, told, came):
        told(9)
        came(1, 4, 7)

        assert wanted() == (2, 9)

    def test_nothing_is_missing_of_a_log_that_has_come_whole(self, told, came):
        told(3)
        came(1, 2, 3)

        assert wanted() is None

    def test_who_is_not_listened_to_is_not_followed(self, told, db):
        told(3, source="/reviews")

        assert progress.followed() == []

    def test_other_services_positions_fill_no_hole(self, told, came):
        told(2)
        came(1)
        models.InboxEvent.objects.create(
            consumer="orders", event_id=ids.new(), source="/payments", epoch=1, position=2, type="x", outcome="ignored"
        )

        assert wanted() == (2, 2)


class TestPatience:
    def test_what_is_missing_may_be_on_its_way(self, told, came):
        told(1)
        came(1)
        came(3, ago=dt.timedelta())

        assert wanted() is None

    def test_what_was_told_just_now_may_be_on_its_way(self, told, came):
        came(1)
        told(3, ago=dt.timedelta())

        assert wanted() is None

    def test_to_be_told_the_same_again_does_not_begin_it_anew(self, told):
        told(3)
        progress.tell(source="/tickets", epoch=1, position=3)

        assert wanted() == (1, 3)


class TestAsking:
    def test_one_request_at_a_time(self, told):
        told(3)
        progress.asked(row())

        assert wanted() is None

    def test_again_after_a_while_and_later_each_time(self, told):
        told(3)
        waits = []
        for _ in range(6):
            progress.asked(row())
            waits.append(row().ask_again_at - clock.now())

        seconds = [round(wait.total_seconds()) for wait in waits]
        assert seconds == [3, 6, 10, 10, 10, 10]

    def test_each_step_forward_begins_the_wait_anew(self, told, came):
        told(9)
        for _ in range(4):
            progress.asked(row())
        came(1, 2)

        moved = row()

        again = models.Progress.objects.get()
        assert moved.seen_to == 2
        assert again.asks == 0
        assert again.ask_again_at < clock.now() + progress.ANSWER_WITHIN

    def test_at_once_when_the_answer_was_complete_and_left_a_hole(self, told, came):
        told(9)
        progress.asked(row())
        came(1, 2)

        settle()

        assert wanted() == (3, 9)

    def test_with_pauses_when_complete_answers_bring_nothing(self, told):
        told(9)
        for _ in range(3):
            progress.asked(row())

        settle()

        assert wanted() is None


def settle(*, epoch=1, first_kept=1, last_kept=9, current_epoch=1, position=9):
    progress.settle(
        source="/tickets", epoch=epoch, first_kept=first_kept, last_kept=last_kept, current_epoch=current_epoch,
        position=position,
    )  # fmt: skip


class TestSettling:
    def test_the_end_of_an_epoch_is_as_good_as_told(self, came):
        """Who was restored has forgotten what it was told; the end of what is no longer written is news to it."""
        came(1, 2)
        progress.tell(source="/tickets", epoch=1, position=0)
        models.Progress.objects.update(told_at=clock.now() - LONG_AGO)

        settle(last_kept=5, current_epoch=2, position=0)

        assert progress.wanted(progress.followed()[0], now=clock.now()) == (3, 5)

    def test_what_is_gone_from_the_log_is_not_asked_for_again(self, told, came):
        told(9)
        came(6, 7, 8, 9)

        settle(first_kept=6)

        assert row().seen_to == 9
        assert wanted() is None

    def test_what_was_said_instead_is_missing_until_it_comes(self, told, came):
        """The snapshots have positions of their own: 10 to 12."""
        told(9)
        settle(first_kept=10, position=12)
        models.Progress.objects.update(told_at=clock.now() - LONG_AGO, ask_again_at=None)

        assert wanted() == (10, 12)

    def test_what_is_still_kept_has_to_come(self, told, came):
        """That an answer is complete does not mean that it has arrived."""
        told(9)
        came(6, 9)

        settle(first_kept=4)

        assert wanted() == (4, 8)

    def test_an_epoch_that_has_ended_ends_where_the_log_says(self, told, came):
        """Its producer was restored from a dump that reached to 4; what came above has no successor there."""
        told(9)
        came(1, 2, 3, 4, 9)

        settle(last_kept=4, current_epoch=2, position=0)

        assert wanted(epoch=1) is None
        assert [one.epoch for one in progress.followed()] == [2]

    def test_an_epoch_of_which_nothing_is_kept(self, told, came):
        told(9)

        settle(first_kept=1, last_kept=0, current_epoch=2, position=5)

        assert [(one.epoch, one.told) for one in progress.followed()] == [(2, 5)]

    def test_does_not_move_back(self, told, came):
        told(9)
        came(*range(1, 10))
        progress.followed()

        settle(first_kept=1)

        assert row().seen_to == 9
