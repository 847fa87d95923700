"""Somebody whose account is closed is forgotten by every service, whatever it has heard of him and when."""

import itertools

import msgspec
import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from shared import clock, ids
from shared.contracts import envelope as envelopes
from shared.contracts import users
from shared.http import models as http
from shared.identity import models
from shared.messaging import models as messaging
from shared.messaging import parked
from shared.testing import deliveries, traces
from tests.shared.identity import people

pytestmark = pytest.mark.django_db

ADDRESS = "ophelia@elsinore.dk"
REGISTERED = people.event(roles=("support",))
CLOSED = people.event(users.UserClosed, email=None, active=False, tokens_valid_after=people.NOW, version=2)
SNAPSHOT = people.event(users.UserSnapshot, email=None, active=False, tokens_valid_after=people.NOW, version=2)


@pytest.fixture(autouse=True)
def listening(settings):
    settings.MESSAGING_HANDLERS = ["shared.identity.handlers"]


def put_aside(event):
    envelope = deliveries.wrap(event)
    parked.park(envelope, envelopes.encode(envelope), consumer="orders", error=ValueError(f"no room for {ADDRESS}"))


def answered(user_id, body=f'{{"email": "{ADDRESS}"}}'):
    return http.IdempotentAnswer.objects.create(
        user_id=user_id,
        method="POST",
        path="/api/orders",
        key=ADDRESS,
        fingerprint="f",
        status=201,
        headers={"Location": f"/{ADDRESS}"},
        body=body,
        created_at=clock.now(),
    )


def noted(about, *, name, message):
    """A line in the admin's journal, as Django or staff would write it."""
    by = models.User.objects.create(email="staff@elsinore.dk", roles=["admin"])
    kind = ContentType.objects.get_for_model(models.User)
    return LogEntry.objects.create(
        user=by,
        content_type=kind,
        object_id=str(about),
        object_repr=name,
        action_flag=CHANGE,
        change_message=message,
    )


@pytest.fixture
def known():
    """Ophelia has left a trace wherever one can be left."""
    deliveries.hear(REGISTERED)
    put_aside(people.event(users.UserUpdated, version=1))
    answered(people.OPHELIA)
    noted(people.OPHELIA, name=ADDRESS, message=f'{{"what": "banned", "reason": "{ADDRESS.upper()} is two people"}}')
    messaging.ParkedMessage.objects.update(reason=f"as {ADDRESS} said")


class TestClosing:
    def test_has_something_to_erase(self, known):
        """The control: the search finds each of the places."""
        assert traces.here(ADDRESS) == {
            "identity_user.email",
            "http_idempotentanswer.key",
            "http_idempotentanswer.headers",
            "http_idempotentanswer.body",
            "django_admin_log.object_repr",
            "django_admin_log.change_message",
            *(f"messaging_parkedmessage.{column}" for column in ("body", "error", "traceback", "reason")),
        }

    @pytest.mark.parametrize("told", [CLOSED, SNAPSHOT], ids=["event", "snapshot"])
    def test_leaves_the_address_nowhere(self, known, told):
        deliveries.hear(told)

        assert traces.here(ADDRESS) == set()

    def test_deletes_no_row(self, known):
        before = {model: model._default_manager.count() for model in apps.get_models()}

        deliveries.hear(CLOSED)

        after = {model: model._default_manager.count() for model in apps.get_models()}
        assert {model for model in before if after[model] < before[model]} == set()

    def test_says_still_what_staff_has_done(self, known):
        deliveries.hear(CLOSED)

        entry = LogEntry.objects.get()
        assert entry.change_message == '{"what": "banned", "reason": "(erased) is two people"}'
        assert (entry.object_id, entry.object_repr) == (str(people.OPHELIA), "(erased)")

    def test_forgets_nobody_else(self, known):
        hamlet = ids.new()
        deliveries.hear(people.event(id=hamlet, email="hamlet@elsinore.dk"))
        put_aside(people.event(users.UserUpdated, id=hamlet, email="hamlet@elsinore.dk", version=1))
        answered(hamlet, body="hamlet@elsinore.dk")
        before = traces.here("hamlet@elsinore.dk")

        deliveries.hear(CLOSED)

        assert traces.here("hamlet@elsinore.dk") == before
        assert len(before) == 3

    def test_takes_an_address_for_text_and_not_for_a_pattern(self):
        deliveries.hear(people.event(email="o.*+x@elsinore.dk"))
        entry = noted(people.OPHELIA, name="O.*+x@elsinore.dk", message="okay then, x@elsinore.dk")

        deliveries.hear(CLOSED)

        entry.refresh_from_db()
        assert (entry.object_repr, entry.change_message) == ("(erased)", "okay then, x@elsinore.dk")


class TestOrderOfArrival:
    REDACTED = people.event(email=None, redacted=True)
    UPDATED = people.event(users.UserUpdated, email="o@elsinore.dk", version=1)

    @pytest.mark.parametrize("order", list(itertools.permutations((REGISTERED, UPDATED, CLOSED, SNAPSHOT))), ids=str)
    def test_does_not_matter(self, order):
        deliveries.hear(*order, *reversed(order))

        user = models.User.objects.get()
        assert (user.email, user.roles, user.active, user.version) == (None, [], False, 2)
        assert traces.here("elsinore.dk") == set()

    def test_a_late_joiner_hears_what_was_rewritten_and_never_the_address(self):
        deliveries.hear(self.REDACTED)
        assert traces.here(ADDRESS) == set()

        deliveries.hear(CLOSED)

        assert not models.User.objects.get().active

    def test_what_is_parked_after_the_closing_is_erased_as_well(self):
        deliveries.hear(CLOSED)

        put_aside(people.event())

        assert traces.here(ADDRESS) == set()

    def test_a_retry_does_not_bring_the_address_back(self, known):
        deliveries.hear(CLOSED)
        messaging.Heard.objects.all().delete()  # so that the parked message is news

        (message,) = messaging.ParkedMessage.objects.all()
        assert parked.retry(parked_id=message.id, now=clock.now()) == "applied"

        assert models.User.objects.get(pk=people.OPHELIA).email is None
        assert traces.here(ADDRESS) == set()


def test_the_search_looks_into_every_column():
    deliveries.hear(people.event(email="needle@elsinore.dk"))
    messaging.OutboxEvent.objects.create(
        type="t", subject="s", dataschema="d", data={"a": [{"b": "Needle@elsinore.dk"}]}
    )
    messaging.ParkedMessage.objects.create(
        consumer="c", event_id=ids.new(), body=msgspec.json.encode("needle@elsinore.dk")
    )

    assert traces.here("needle@elsinore.dk") == {
        "identity_user.email",
        "messaging_outboxevent.data",
        "messaging_parkedmessage.body",
    }
