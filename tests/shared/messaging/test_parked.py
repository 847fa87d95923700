import io

import pytest
from django.core.management import CommandError, call_command

from shared.messaging import intake, models, parked
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.fixture
def macbeth():
    """A parked message whose handler does not like its title."""
    stage.refused.add("Macbeth")
    intake.take(stage.deliveries(stage.body(stage.ticket(title="Macbeth", version=2))), queue="orders.inbox")
    return models.ParkedMessage.objects.get()


def run(*arguments):
    out = io.StringIO()
    call_command("parked", *arguments, stdout=out)
    return out.getvalue()


class TestRetry:
    def test_applies_after_the_handler_was_mended(self, macbeth):
        stage.refused.clear()

        assert parked.retry(parked_id=macbeth.id, now=stage.NOW)

        macbeth.refresh_from_db()
        assert (macbeth.state, macbeth.attempts, macbeth.closed_at) == ("applied", 2, stage.NOW)
        assert len(stage.effects()) == 1
        assert models.InboxEvent.objects.get().outcome == "applied"

    def test_that_fails_leaves_it_parked_with_its_new_error(self, macbeth):
        assert not parked.retry(parked_id=macbeth.id, now=stage.NOW)

        macbeth.refresh_from_db()
        assert (macbeth.state, macbeth.attempts, macbeth.tried_at) == ("parked", 2, stage.NOW)
        assert stage.effects() == []
        assert models.InboxEvent.objects.get().outcome == "parked"

    def test_does_not_undo_what_came_since(self, macbeth):
        hamlet = models.ParkedMessage.objects.get()
        stage.refused.clear()
        newer = stage.ticket(version=3, id=stage.envelopes.decode(bytes(hamlet.body)).subject)
        intake.take(stage.deliveries(stage.body(newer, position=2)), queue="orders.inbox")

        assert parked.retry(parked_id=hamlet.id, now=stage.NOW)

        assert [version for _, version in stage.effects()] == [3]
        assert set(models.InboxEvent.objects.values_list("outcome", flat=True)) == {"applied", "stale"}

    def test_of_what_cannot_be_read_fails_again(self):
        intake.take(stage.deliveries(b"no json"), queue="orders.inbox")

        assert not parked.retry(parked_id=models.ParkedMessage.objects.get().id, now=stage.NOW)

    def test_of_what_is_closed_is_refused(self, macbeth):
        parked.discard(parked_id=macbeth.id, reason="a duplicate by hand", now=stage.NOW)

        with pytest.raises(models.NotParked):
            parked.retry(parked_id=macbeth.id, now=stage.NOW)


class TestDiscard:
    def test_keeps_the_row_and_the_reason(self, macbeth):
        parked.discard(parked_id=macbeth.id, reason="sold on paper", now=stage.NOW)

        macbeth.refresh_from_db()
        assert (macbeth.state, macbeth.reason, macbeth.closed_at) == ("discarded", "sold on paper", stage.NOW)

    def test_a_discarded_message_does_not_come_back(self, macbeth):
        parked.discard(parked_id=macbeth.id, reason="sold on paper", now=stage.NOW)

        intake.take(stage.deliveries(bytes(macbeth.body)), queue="orders.inbox")

        assert models.ParkedMessage.objects.count() == 1
        assert stage.effects() == []

    def test_twice_is_refused(self, macbeth):
        parked.discard(parked_id=macbeth.id, reason="sold on paper", now=stage.NOW)

        with pytest.raises(models.NotParked):
            parked.discard(parked_id=macbeth.id, reason="again", now=stage.NOW)


class TestCommand:
    def test_lists(self, macbeth):
        assert "Refused('Macbeth')" in run("list")

    def test_retries(self, macbeth):
        assert "failed again" in run("retry", str(macbeth.id))
        stage.refused.clear()
        assert "applied" in run("retry", str(macbeth.id))
        assert run("list") == ""

    def test_discards_with_a_reason(self, macbeth):
        run("discard", str(macbeth.id), "--reason", "sold on paper")

        assert models.ParkedMessage.objects.get().reason == "sold on paper"

    def test_names_what_does_not_exist(self):
        with pytest.raises(CommandError, match="12345"):
            run("retry", "12345")

    def test_names_what_is_closed(self, macbeth):
        run("discard", str(macbeth.id), "--reason", "sold on paper")

        with pytest.raises(CommandError, match="applied or discarded already"):
            run("retry", str(macbeth.id))
