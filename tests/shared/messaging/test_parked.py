import io
import json

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


def park(*titles, said=stage.tickets.TicketUpdated):
    """One parked message for each title, in this order."""
    stage.refused.update(titles)
    bodies = [stage.body(stage.ticket(title=title, said=said), position=place) for place, title in enumerate(titles, 1)]
    intake.take(stage.deliveries(*bodies), queue="orders.inbox")
    return list(models.ParkedMessage.objects.filter(type=said.TYPE).order_by("id"))


def states():
    return list(models.ParkedMessage.objects.order_by("id").values_list("state", flat=True))


def run(*arguments):
    out = io.StringIO()
    call_command("parked", *arguments, stdout=out)
    return out.getvalue()


class TestRetry:
    def test_applies_after_the_handler_was_mended(self, macbeth):
        stage.refused.clear()

        assert parked.retry(parked_id=macbeth.id, now=stage.NOW) == "applied"

        macbeth.refresh_from_db()
        assert (macbeth.state, macbeth.attempts, macbeth.closed_at) == ("applied", 2, stage.NOW)
        assert len(stage.effects()) == 1
        assert models.InboxEvent.objects.get().outcome == "applied"

    def test_that_fails_leaves_it_parked_with_its_new_error(self, macbeth):
        assert parked.retry(parked_id=macbeth.id, now=stage.NOW) == "parked"
        assert parked.retry(parked_id=macbeth.id, now=stage.NOW) == "parked"

        macbeth.refresh_from_db()
        assert (macbeth.state, macbeth.attempts, macbeth.tried_at) == ("parked", 3, stage.NOW)
        assert stage.effects() == []
        assert models.InboxEvent.objects.get().outcome == "parked"

    def test_does_not_undo_what_came_since(self, macbeth):
        hamlet = models.ParkedMessage.objects.get()
        stage.refused.clear()
        newer = stage.ticket(version=3, id=stage.envelopes.decode(bytes(hamlet.body)).subject)
        intake.take(stage.deliveries(stage.body(newer, position=2)), queue="orders.inbox")

        assert parked.retry(parked_id=hamlet.id, now=stage.NOW) == "stale"

        assert [version for _, version in stage.effects()] == [3]
        assert set(models.InboxEvent.objects.values_list("outcome", flat=True)) == {"applied", "stale"}

    def test_of_what_cannot_be_read_fails_again(self):
        intake.take(stage.deliveries(b"no json"), queue="orders.inbox")

        assert parked.retry(parked_id=models.ParkedMessage.objects.get().id, now=stage.NOW) == "parked"

    def test_of_what_has_become_readable_applies_it_once(self, monkeypatch):
        body = unreadable_for_now(stage.ticket(), monkeypatch)

        assert parked.retry(parked_id=models.ParkedMessage.objects.get().id, now=stage.NOW) == "applied"
        intake.take(stage.deliveries(body), queue="orders.inbox")

        assert len(stage.effects()) == 1

    @pytest.mark.parametrize("sender", ["payments", None])
    def test_of_what_has_become_readable_and_is_a_forgery_fails(self, monkeypatch, sender):
        unreadable_for_now(stage.ticket(), monkeypatch, sender=sender)

        assert parked.retry(parked_id=models.ParkedMessage.objects.get().id, now=stage.NOW) == "parked"

        assert "NotGenuine" in models.ParkedMessage.objects.get().error
        assert stage.effects() == []

    def test_of_several_comes_to_the_least_tried_first_and_to_each_in_the_order_of_the_log(self):
        macbeth, othello, lear = park("Macbeth", "Othello", "King Lear")
        parked.retry(parked_id=macbeth.id, now=stage.NOW)

        assert [message.id for message, _ in parked.retry_each(parked.waiting())] == [othello.id, lear.id, macbeth.id]

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


class TestTheReason:
    @pytest.mark.parametrize("reason", ["", " \n", "x" * 201, "nul \x00", "half a pair \ud800"])
    def test_is_needed_and_is_text(self, macbeth, reason):
        with pytest.raises(models.NoReason):
            parked.discard(parked_id=macbeth.id, reason=reason, now=stage.NOW)

        assert states() == ["parked"]

    def test_is_kept_on_one_line(self, macbeth):
        parked.discard(parked_id=macbeth.id, reason=" sold\n on\u00a0paper ", now=stage.NOW)

        assert models.ParkedMessage.objects.get().reason == "sold on paper"


class TestList:
    def test_tells_what_an_operator_has_to_know(self, macbeth):
        told = run("list")

        assert told == (
            f"orders-{macbeth.id}  ticket.updated {macbeth.event_id}  tried 1 x, waits for 0 minutes\n"
            "    Refused('Macbeth')\n"
        )

    def test_of_one_type_leaves_the_others_out(self):
        park("Macbeth")
        park("Othello", said=stage.tickets.TicketCreated)

        told = run("list", "--type", "ticket.created")

        assert "Othello" in told
        assert "Macbeth" not in told

    def test_of_bytes_that_are_no_event_has_a_type_too(self):
        intake.take(stage.deliveries(b"no json"), queue="orders.inbox")

        assert "unreadable" in run("list", "--type", "unreadable")

    def test_for_programs_is_one_object_a_line(self):
        chosen = park("Macbeth", "Othello")

        told = [json.loads(line) for line in run("list", "--json").splitlines()]

        assert [one["id"] for one in told] == [f"orders-{message.id}" for message in chosen]
        assert told[0]["eventId"] == str(chosen[0].event_id)
        assert told[0]["error"] == "Refused('Macbeth')"
        assert "ticket_changed" in told[0]["traceback"]

    def test_of_nothing_is_no_error(self):
        assert run("list") == "nothing of that is parked in orders\n"
        assert run("list", "--json") == ""


class TestCommand:
    def test_retries_and_has_an_exit_code_for_what_fails_again(self):
        macbeth, othello = park("Macbeth", "Othello")
        stage.refused.discard("Othello")

        with pytest.raises(CommandError, match="1 of 2 failed again"):
            run("retry", f"orders-{macbeth.id}", f"orders-{othello.id}")

        assert states() == ["parked", "applied"]
        stage.refused.clear()
        assert run("retry", f"orders-{macbeth.id}") == f"orders-{macbeth.id}: applied\n"

    def test_retries_all_of_a_type(self):
        park("Macbeth", "Othello")
        park("King Lear", said=stage.tickets.TicketCreated)
        stage.refused.clear()

        run("retry", "--type", "ticket.updated")

        assert states() == ["applied", "applied", "parked"]

    def test_retries_everything(self):
        park("Macbeth")
        park("King Lear", said=stage.tickets.TicketCreated)
        stage.refused.clear()

        run("retry", "--all")

        assert states() == ["applied", "applied"]

    def test_discards_with_a_reason(self, macbeth):
        assert run("discard", f"orders-{macbeth.id}", "--reason", "sold on paper").endswith("discarded\n")

        assert models.ParkedMessage.objects.get().reason == "sold on paper"

    def test_discards_all_of_a_type(self):
        park("Macbeth", "Othello")
        park("King Lear", said=stage.tickets.TicketCreated)

        run("discard", "--type", "ticket.updated", "--reason", "sold on paper")

        assert states() == ["discarded", "discarded", "parked"]

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
    def test_discards_nothing_without_a_reason(self, macbeth, reason):
        with pytest.raises(CommandError, match="with a reason"):
            run("discard", f"orders-{macbeth.id}", "--reason", reason)

        assert states() == ["parked"]

    @pytest.mark.parametrize("action", [["retry", "--all"], ["retry", "--type", "a.b"], ["retry", "tickets-1"]])
    def test_where_there_is_nothing_it_says_so_and_is_content(self, action):
        """So that it can be run in every service at once."""
        assert run(*action) == "nothing of that is parked in orders\n"

    def test_an_id_of_another_service_is_left_to_that_service(self, macbeth):
        stage.refused.clear()

        run("retry", f"tickets-{macbeth.id}")

        assert states() == ["parked"]

    @pytest.mark.parametrize("name", ["3", "order-3", "orders-", "orders-x", "orders-٣", "orders-" + "9" * 30])
    def test_refuses_what_is_no_id_and_shows_one(self, macbeth, name):
        with pytest.raises(CommandError, match="they look like orders-3"):
            run("retry", name, f"orders-{macbeth.id}")

    def test_names_what_does_not_exist_and_does_nothing(self, macbeth):
        stage.refused.clear()

        with pytest.raises(CommandError, match=r"already: orders-12345\. Nothing was done in orders"):
            run("retry", f"orders-{macbeth.id}", "orders-12345")

        assert states() == ["parked"]

    def test_names_what_is_closed(self, macbeth):
        run("discard", f"orders-{macbeth.id}", "--reason", "sold on paper")

        with pytest.raises(CommandError, match="applied or discarded already"):
            run("retry", f"orders-{macbeth.id}")

    @pytest.mark.parametrize("words", [["retry"], ["retry", "--all", "--type", "a.b"], ["retry", "orders-1", "--all"]])
    def test_wants_to_know_which_in_one_way(self, words):
        with pytest.raises(CommandError, match="in one way"):
            run(*words)


def unreadable_for_now(event, monkeypatch, *, sender="tickets"):
    """Have a good event parked as a release would that cannot read it."""

    def unable(body):
        raise intake.envelopes.Malformed("not yet")

    body = stage.body(event)
    with monkeypatch.context() as patch:
        patch.setattr(intake.envelopes, "decode", unable)
        intake.take(stage.deliveries(body, sender=sender), queue="orders.inbox")
    return body
