"""The pages of the admin, asked as people with and without the right to decide."""

import pytest
from django.contrib import admin
from django.contrib.messages.storage.base import BaseStorage
from django.test import RequestFactory

from shared.messaging import admin as pages
from shared.messaging import intake, models
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


class Notes(BaseStorage):
    """Django's messages, kept where the test can read them."""

    def _get(self):
        return [], True

    def _store(self, messages, response):
        return []


class Stagehand:
    """Somebody with these permissions."""

    is_active = is_staff = True

    def __init__(self, *permissions):
        self.permissions = permissions

    def has_perm(self, permission, obj=None):
        return permission in self.permissions

    def __str__(self):
        return "stagehand@example.org"


@pytest.fixture
def page():
    return pages.ParkedMessageAdmin(models.ParkedMessage, admin.site)


@pytest.fixture
def macbeth():
    stage.refused.add("Macbeth")
    intake.take(stage.deliveries(stage.body(stage.ticket(title="Macbeth"))), queue="orders.inbox")
    return models.ParkedMessage.objects.get()


def request(*permissions):
    made = RequestFactory().get("/")
    made.user = Stagehand(*permissions)
    made._messages = Notes(made)
    return made


def notes(asked):
    return [str(note) for note in asked._messages._queued_messages]


class TestParked:
    def test_retry_says_what_came_of_it(self, page, macbeth):
        failing, mended = request(), request()

        page.retry(failing, models.ParkedMessage.objects.all())
        stage.refused.clear()
        page.retry(mended, models.ParkedMessage.objects.all())

        assert notes(failing) == ["0 applied", "1 failed again"]
        assert notes(mended) == ["1 applied"]
        assert len(stage.effects()) == 1

    def test_discard_keeps_who_did_it(self, page, macbeth):
        page.discard(request(), models.ParkedMessage.objects.all())

        macbeth.refresh_from_db()
        assert (macbeth.state, macbeth.reason) == ("discarded", "discarded in the admin by stagehand@example.org")

    def test_only_who_may_change_may_decide(self, page):
        assert set(page.get_actions(request("messaging.view_parkedmessage"))) == set()
        assert set(page.get_actions(request("messaging.change_parkedmessage"))) == {"retry", "discard"}

    def test_the_payload_is_shown_as_text(self, page, macbeth):
        assert "text" in page.fields
        assert "Macbeth" in macbeth.text


@pytest.mark.parametrize("model", [models.ParkedMessage, models.OutboxEvent, models.InboxEvent])
def test_nothing_is_made_changed_or_deleted_by_hand(model):
    page = admin.site._registry[model]

    for allowed in (page.has_add_permission, page.has_change_permission, page.has_delete_permission):
        assert not allowed(request("messaging.change_parkedmessage"))
