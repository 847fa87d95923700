import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from shared import tracing
from shared.messaging import leadership, models, outbox
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


@transaction.atomic
def say_and_fail():
    outbox.publish(stage.order())
    raise ZeroDivisionError


class TestPublish:
    def test_writes_the_event_as_it_was_said(self):
        order = stage.order(version=3)

        with tracing.bind(request="request-1", trace="00-a-b-01"), transaction.atomic():
            outbox.publish(order)

        row = models.OutboxEvent.objects.get()
        assert (row.type, row.subject, row.aggregate_version) == ("order.created", str(order.id), 3)
        assert row.data["amountMinor"] == 4200
        assert row.dataschema == "urn:admit-one:event:order.created:1"
        assert (row.request_id, row.traceparent) == ("request-1", "00-a-b-01")
        assert (row.epoch, row.position, row.sent_at) == (None, None, None)

    def test_is_not_said_when_the_change_is_rolled_back(self):
        with pytest.raises(ZeroDivisionError):
            say_and_fail()

        assert not models.OutboxEvent.objects.exists()

    def test_refuses_outside_a_transaction(self):
        with pytest.raises(outbox.NotInTransaction, match=r"order\.created"):
            outbox.publish(stage.order())

    def test_refuses_what_another_service_has_to_say(self):
        with pytest.raises(outbox.ForeignEvent, match="/tickets"), transaction.atomic():
            outbox.publish(stage.ticket())


class TestWakingTheRelay:
    def heard(self, listener):
        return [notice.channel for notice in listener.notifies(timeout=0.3)]

    def test_once_after_the_commit_however_much_was_said(self):
        with leadership.connect("test") as listener:
            listener.execute(f"LISTEN {outbox.CHANNEL}")

            with transaction.atomic():
                outbox.publish(stage.order())
                with transaction.atomic():
                    outbox.publish(stage.order())
                assert self.heard(listener) == []

            assert self.heard(listener) == ["outbox"]

    def test_the_notify_is_no_part_of_the_transaction(self):
        """Inside, it would hold a lock of the whole database until the commit is on disk."""
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            outbox.publish(stage.order())

        assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "INSERT", "COMMIT", "NOTIFY"]

    def test_also_when_an_inner_part_was_rolled_back(self):
        with leadership.connect("test") as listener:
            listener.execute(f"LISTEN {outbox.CHANNEL}")

            with transaction.atomic():
                with pytest.raises(ZeroDivisionError):
                    say_and_fail()
                outbox.publish(stage.order())

            assert self.heard(listener) == ["outbox"]
