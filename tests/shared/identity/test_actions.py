import json
import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction

from shared.identity import actions, models
from tests.shared.identity import people

YORICK = uuid.UUID("01890000-0000-7000-8000-0000000000cc")


@pytest.fixture
def ophelia(db):
    return models.User.objects.create(pk=people.OPHELIA, email="ophelia@elsinore.dk", roles=["moderator"])


@pytest.fixture
def yorick(db):
    return models.User.objects.create(pk=YORICK, email="yorick@elsinore.dk")


class TestRecord:
    def test_says_who_did_what_to_what_and_why(self, ophelia, yorick):
        actions.record(by=ophelia, target=yorick, what="banned", reason="pours Rhenish on heads")

        entry = LogEntry.objects.get()
        assert (entry.user_id, entry.object_id, entry.content_type.model_class()) == (
            ophelia.pk,
            str(YORICK),
            models.User,
        )
        assert json.loads(entry.change_message) == {"what": "banned", "reason": "pours Rhenish on heads"}

    def test_takes_a_row_by_its_model_and_id(self, ophelia):
        actions.record(by=ophelia, target=(models.RevokedSession, YORICK), what="ended")

        entry = LogEntry.objects.get()
        assert (entry.object_id, entry.content_type.model_class()) == (str(YORICK), models.RevokedSession)

    def test_names_nobody(self, ophelia, yorick):
        entry = actions.record(by=ophelia, target=yorick, what="banned")

        assert entry.object_repr == f"user {YORICK}"
        assert "@" not in json.dumps([entry.object_repr, entry.change_message])

    def test_is_said_in_the_log_of_the_process_without_the_reason(self, ophelia, yorick, caplog):
        caplog.set_level("INFO", logger="shared.identity.actions")

        actions.record(by=ophelia, target=yorick, what="banned", reason="alas, poor Yorick")

        assert f"user {YORICK}: banned by {people.OPHELIA}" in caplog.text
        assert "alas" not in caplog.text

    def test_is_undone_with_the_deed(self, ophelia, yorick):
        with transaction.atomic():
            actions.record(by=ophelia, target=yorick, what="banned")
            transaction.set_rollback(True)

        assert not LogEntry.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_outside_a_transaction_is_refused(self, ophelia, yorick):
        with pytest.raises(actions.NotInTransaction, match="banned"):
            actions.record(by=ophelia, target=yorick, what="banned")

        assert not LogEntry.objects.exists()


class TestRead:
    def test_gives_back_what_was_recorded(self, ophelia, yorick):
        actions.record(by=ophelia, target=yorick, what="banned", reason="übler Scherz")

        assert actions.read(LogEntry.objects.get()) == actions.Deed(what="banned", reason="übler Scherz")

    @pytest.mark.parametrize(
        ("message", "told"),
        [
            ("Retried: applied", "Retried: applied"),
            ('[{"added": {}}]', "Added."),
            ('{"who": "yorick"}', '{"who": "yorick"}'),
            ("", ""),
            ("7", "7"),
        ],
    )
    def test_tells_what_others_wrote_as_it_is(self, message, told):
        assert actions.read(LogEntry(change_message=message)) == actions.Deed(what=told)
