"""What is older than the log is told by snapshots, and what is forgotten is never told twice."""

import datetime as dt

import pytest

from orders_service.orders import commands
from shared import clock, ids
from shared.contracts import log, orders
from shared.messaging import models, notices, replay, retention
from shared.testing import post
from tests.orders.factories import OrderFactory

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.timedelta(days=1)


def cancelled():
    """An order that was said to be cancelled."""
    order = OrderFactory(awaiting=True)
    commands.cancel_order(order_id=order.id, user_id=order.user_id, precondition=lambda _version: None)
    return order


def prune_all():
    """Everything that was sent is older than the log may be."""
    return retention.prune_log(before=clock.now() + DAY)


def ask(first, last, *, epoch=1):
    request = log.ReplayRequested(epoch=epoch, from_=first, to=last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notices.settings, "SERVICE", "payments")
        asked = post.envelopes.decode(notices.body(request, epoch=1, now=clock.now()))
    notices.hear(asked)


def answered():
    """What the asker gets, and all listeners, until the answer is complete."""
    publisher = post.Post()
    for _turn in range(50):
        replay.answer(publisher, most=2)
        publisher.sent += post.relay_all().sent
        if not models.ReplayRequest.objects.exists():
            return publisher
    raise AssertionError("the answer never ends")


def snapshots_in(publisher):
    return [post.open(one) for _, one in publisher.sent if one.type == orders.OrderSnapshot.TYPE]


class TestSnapshots:
    def test_tell_of_every_order_that_the_log_tells_of_no_more(self):
        told = {str(cancelled().id) for _ in range(5)}
        post.relay_all()
        prune_all()
        ask(1, 5)

        said = snapshots_in(answered())

        assert sorted(event.subject for event in said) == sorted(told)
        assert {(event.status, event.version) for event in said} == {("cancelled", 2)}

    def test_are_not_said_of_orders_that_the_log_still_tells_of(self):
        old = cancelled()
        post.relay_all()
        prune_all()
        cancelled()
        post.relay_all()
        ask(1, 2)

        assert [event.subject for event in snapshots_in(answered())] == [str(old.id)]

    def test_are_said_once_however_many_ask(self):
        cancelled()
        post.relay_all()
        prune_all()
        ask(1, 1)
        answered()
        ask(1, 2)

        again = answered()

        assert snapshots_in(again)
        assert {exchange for exchange, one in again.sent if one.type == orders.OrderSnapshot.TYPE} == {
            "payments.direct"
        }, "told again from the log, to the asker alone"

    def test_are_not_said_where_the_log_holds_all_that_was_asked_for(self):
        cancelled()
        post.relay_all()
        ask(1, 1)

        assert snapshots_in(answered()) == []

    def test_stand_in_the_log_before_the_answer_is_complete(self):
        for _ in range(3):
            cancelled()
        post.relay_all()
        prune_all()
        ask(1, 3)

        publisher = answered()

        completed = post.open(publisher.to("payments")[-1])
        assert (completed.first_kept, completed.position) == (4, 6)
        assert sorted(one.position for _, one in publisher.sent if one.position) == [4, 5, 6]

    def test_the_answer_is_not_complete_before_they_have_positions(self):
        """Or the asker would take the log's last position for the end of what it misses."""
        cancelled()
        post.relay_all()
        prune_all()
        ask(1, 1)
        publisher = post.Post()

        for _turn in range(5):
            replay.answer(publisher, most=10)  # and the relay is slow
        assert publisher.sent == []
        post.relay_all()
        replay.answer(publisher, most=10)

        assert [post.open(one).position for one in publisher.to("payments")] == [2]

    def test_go_on_after_a_kill(self):
        told = {str(cancelled().id) for _ in range(5)}
        post.relay_all()
        prune_all()
        ask(1, 5)
        replay.answer(post.Post(), most=2)  # two are said, and the process dies

        answered()

        said = models.OutboxEvent.objects.filter(type=orders.OrderSnapshot.TYPE).values_list("subject", flat=True)
        assert sorted(said) == sorted(told)

    def test_carry_everything_a_listener_needs(self):
        order = OrderFactory(refunded=True)
        ask(1, 1)
        models.Log.objects.create(id=1, pruned_to=1, position=1)

        (event,) = snapshots_in(answered())

        assert (event.id, event.relist, event.payment_id) == (order.id, True, order.payment_id)
        assert event.version == order.version


class TestPruning:
    def test_takes_the_beginning_of_the_log_that_was_sent(self):
        cancelled()
        post.relay_all()
        cancelled()  # and not sent

        assert prune_all() == 1
        assert models.OutboxEvent.objects.get().position is None
        assert models.Log.objects.get().pruned_to == 1

    def test_leaves_what_is_young(self):
        cancelled()
        post.relay_all()

        retention.prune(now=clock.now())

        assert models.OutboxEvent.objects.count() == 1

    def test_stops_at_the_first_that_has_to_stay(self):
        """So that what is left has no gaps."""
        for _ in range(3):
            cancelled()
        post.relay_all()
        models.OutboxEvent.objects.filter(position=2).update(sent_at=None)

        prune_all()

        assert list(models.OutboxEvent.objects.order_by("position").values_list("position", flat=True)) == [2, 3]

    def test_waits_while_somebody_is_told_again(self):
        cancelled()
        post.relay_all()
        ask(1, 1)

        assert prune_all() == 0

    def test_forgets_of_the_inbox_only_what_was_followed_without_a_gap(self):
        for position in (1, 2, 4):
            models.InboxEvent.objects.create(
                consumer="orders", event_id=ids.new(), source="/tickets", epoch=1, position=position, type="x",
                outcome="applied",
            )  # fmt: skip
        models.Progress.objects.create(source="/tickets", epoch=1, seen_to=2, told=4)

        retention.prune_inbox(before=clock.now() + DAY)

        assert [row.position for row in models.InboxEvent.objects.all()] == [4]

    def heard_long_ago(self, *positions):
        for position in positions:
            models.InboxEvent.objects.create(
                consumer="orders", event_id=ids.new(), source="/tickets", epoch=1, position=position, type="x",
                outcome="applied", received_at=clock.now() - 100 * DAY,
            )  # fmt: skip
        models.Progress.objects.create(source="/tickets", epoch=1, seen_to=max(positions), told=max(positions))

    def test_forgets_of_the_inbox_a_batch_at_a_time_until_all_that_is_old_is_gone(self, monkeypatch):
        monkeypatch.setattr(retention, "_BATCH", 2)
        self.heard_long_ago(1, 2, 3, 4, 5)
        models.InboxEvent.objects.filter(position=5).update(received_at=clock.now() - DAY)

        assert retention.prune_inbox(before=clock.now() - 60 * DAY) == 2
        retention.prune(now=clock.now())

        assert [row.position for row in models.InboxEvent.objects.all()] == [5]

    def test_leaves_the_rest_of_very_much_to_the_next_run(self, monkeypatch):
        """For whatever else is due by the clock waits meanwhile."""
        monkeypatch.setattr(retention, "_BATCH", 1)
        monkeypatch.setattr(retention, "_BATCHES", 2)
        self.heard_long_ago(1, 2, 3)

        retention.prune(now=clock.now())

        assert [row.position for row in models.InboxEvent.objects.all()] == [3]

    def test_never_forgets_what_is_parked(self):
        models.InboxEvent.objects.create(
            consumer="orders", event_id=ids.new(), source="/tickets", epoch=1, position=1, type="x", outcome="parked"
        )
        models.Progress.objects.create(source="/tickets", epoch=1, seen_to=1, told=1)

        assert retention.prune_inbox(before=clock.now() + DAY) == 0
