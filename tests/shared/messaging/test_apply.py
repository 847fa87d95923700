"""Hearing one event: rules 2, 3 and 4 of the contract."""

import itertools

import msgspec
import pytest
from django.db import transaction

from shared import ids, tracing
from shared.contracts import tickets
from shared.messaging import apply, models
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


def hear(envelope):
    return apply.apply(envelope, consumer="orders", now=stage.NOW)


def outcomes():
    return list(models.InboxEvent.objects.order_by("id").values_list("outcome", flat=True))


class TestOnce:
    def test_an_event_has_its_effect_and_its_inbox_row(self):
        ticket = stage.ticket(version=4)

        assert hear(stage.envelope(ticket, position=17, epoch=2)) == "applied"

        row = models.InboxEvent.objects.get()
        assert stage.effects() == [(str(ticket.id), 4)]
        assert (row.consumer, row.source, row.epoch, row.position, row.outcome) == (
            "orders", "/tickets", 2, 17, "applied",
        )  # fmt: skip

    def test_the_same_event_again_has_none(self):
        envelope = stage.envelope(stage.verdict())

        assert [hear(envelope), hear(envelope)] == ["applied", "duplicate"]

        assert len(stage.effects()) == 1

    def test_without_the_inbox_row_it_would(self, monkeypatch):
        """The negative control, with an event that no version protects."""
        monkeypatch.setattr(apply, "record", lambda *_args, **_more: True)
        envelope = stage.envelope(stage.verdict())

        hear(envelope)
        hear(envelope)

        assert len(stage.effects()) == 2

    def test_an_effect_that_fails_leaves_no_trace(self):
        stage.refused.add("Macbeth")

        with pytest.raises(stage.Refused):
            hear(stage.envelope(stage.ticket(title="Macbeth")))

        assert stage.effects() == []
        assert outcomes() == []
        assert not models.Heard.objects.exists()

    def test_an_event_that_does_not_fit_its_schema_leaves_no_trace(self):
        envelope = msgspec.structs.replace(stage.envelope(stage.ticket()), data=msgspec.Raw(b'{"id": 1}'))

        with pytest.raises(msgspec.ValidationError):
            hear(envelope)

        assert outcomes() == []


class TestNews:
    def test_what_is_older_than_what_was_heard_has_no_effect(self):
        hamlet = ids.new()
        newer, older = (stage.envelope(stage.ticket(id=hamlet, version=version)) for version in (2, 1))

        assert [hear(newer), hear(older)] == ["applied", "stale"]

        assert stage.effects() == [(str(hamlet), 2)]
        assert outcomes() == ["applied", "stale"]

    def test_without_the_row_of_what_was_heard_it_would(self, monkeypatch):
        """The negative control."""
        monkeypatch.setattr(apply, "_is_news", lambda *_args, **_more: True)
        hamlet = ids.new()

        for version in (2, 1):
            hear(stage.envelope(stage.ticket(id=hamlet, version=version)))

        assert stage.effects() == [(str(hamlet), 2), (str(hamlet), 1)]

    @pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
    def test_any_order_ends_with_the_newest_and_goes_only_forward(self, order):
        hamlet = ids.new()
        envelopes = [stage.envelope(stage.ticket(id=hamlet, version=version)) for version in range(3)]

        for version in [*order, *order]:
            hear(envelopes[version])

        versions = [version for _, version in stage.effects()]
        assert versions == sorted(set(versions))
        assert models.Heard.objects.get().version == versions[-1] == 2

    def test_a_newer_epoch_of_the_log_outranks_any_version(self):
        hamlet = ids.new()
        before = stage.envelope(stage.ticket(id=hamlet, version=9), epoch=1)
        restored = stage.envelope(stage.ticket(id=hamlet, version=3), epoch=2)

        assert [hear(before), hear(restored), hear(stage.envelope(stage.ticket(id=hamlet, version=8)))] == [
            "applied", "applied", "stale",
        ]  # fmt: skip

    def test_one_aggregate_does_not_outdate_another(self):
        assert [hear(stage.envelope(stage.ticket(version=version))) for version in (5, 1)] == ["applied"] * 2

    def test_a_verdict_is_always_news(self):
        verdict = stage.verdict()

        assert [hear(stage.envelope(verdict)), hear(stage.envelope(verdict))] == ["applied", "applied"]


class TestTolerance:
    def test_a_type_that_nobody_subscribes_to_is_recorded(self):
        assert hear(stage.envelope(stage.ticket(said=tickets.TicketSold))) == "ignored"

        assert outcomes() == ["ignored"]
        assert not models.Heard.objects.exists(), "a later version of a type must not outdate the one subscribed to"

    @pytest.mark.parametrize(
        "change", [{"type": "ticket.raffled"}, {"dataschema": "urn:admit-one:event:ticket.updated:2"}]
    )
    def test_so_is_a_type_or_version_that_is_not_known_yet(self, change):
        assert hear(msgspec.structs.replace(stage.envelope(stage.ticket()), **change)) == "ignored"

    def test_members_that_are_not_known_are_ignored(self):
        envelope = stage.envelope(stage.ticket())
        data = {**msgspec.json.decode(bytes(envelope.data)), "aisle": "left"}

        assert hear(msgspec.structs.replace(envelope, data=msgspec.Raw(msgspec.json.encode(data)))) == "applied"


class TestHandlers:
    def test_hear_whose_request_it_was(self, monkeypatch):
        heard = []
        monkeypatch.setattr(stage, "note", lambda *_args: heard.append(tracing.request_id.get()))

        hear(stage.envelope(stage.ticket()))

        assert heard == ["request-7"]
        assert tracing.request_id.get() is None

    def test_all_modules_hear_in_the_order_of_the_setting(self, settings):
        settings.MESSAGING_HANDLERS = ["tests.shared.messaging.stage", "tests.shared.messaging.understudy"]

        hear(stage.envelope(stage.ticket()))

        assert [version for _, version in stage.effects()] == [0, -1]

    def test_are_part_of_the_callers_transaction(self):
        with pytest.raises(stage.Refused):
            hear_two_and_fail()

        assert stage.effects() == []


@transaction.atomic
def hear_two_and_fail():
    stage.refused.add("Macbeth")
    hear(stage.envelope(stage.ticket()))
    hear(stage.envelope(stage.ticket(title="Macbeth")))
