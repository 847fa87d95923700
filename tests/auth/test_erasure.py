"""Closing an account leaves nothing in auth that tells whose it was, and the log without a hole."""

import msgspec
import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from auth_service.users import commands, models
from shared import clock
from shared.contracts import events, registry
from shared.messaging import models as messaging
from shared.messaging import snapshots
from shared.testing import traces
from tests.auth import world

AGENT = "Mousetrap/1.0 (Elsinore)"


@pytest.fixture
def hamlet(elsinore):
    """He has left a trace wherever one can be left."""
    elsinore.post(
        elsinore.client(),
        "signup",
        {"email": elsinore.HAMLET, "password": elsinore.PASSWORD},
        **{"User-Agent": AGENT},
    )
    user = elsinore.user()
    commands.set_roles(user_id=user.pk, roles=["support"], by=None)
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(models.User),
        object_id=str(user.pk),
        object_repr=str(user),
        action_flag=CHANGE,
        change_message=f'{{"what": "banned", "reason": "{elsinore.HAMLET} shouts"}}',
    )
    return user


def close(user):
    commands.close_user(user_id=user.pk, now=clock.now())


@transaction.atomic
def close_and_fail(user):
    close(user)
    raise ZeroDivisionError


def log_of(user):
    return messaging.OutboxEvent.objects.filter(subject=str(user.pk)).order_by("id")


class TestClosing:
    def test_has_something_to_erase(self, hamlet):
        """The control: the search finds each of the places."""
        assert traces.here(world.HAMLET) == {
            "users_user.email",
            "messaging_outboxevent.data",
            "django_admin_log.object_repr",
            "django_admin_log.change_message",
        }
        assert traces.here(AGENT) == {"users_session.agent"}
        assert traces.here(hamlet.password) == {"users_user.password"}

    def test_leaves_neither_address_nor_password_nor_browser(self, hamlet):
        close(hamlet)

        assert [traces.here(text) for text in (world.HAMLET, AGENT, hamlet.password)] == [set(), set(), set()]

    def test_deletes_no_row(self, hamlet):
        kept = (models.User, models.Session, LogEntry, messaging.OutboxEvent)
        before = [model.objects.count() for model in kept]

        close(hamlet)

        after = [model.objects.count() for model in kept]
        assert after == [*before[:3], before[3] + 1]

    def test_forgets_nobody_else(self, hamlet, elsinore):
        elsinore.sign_up(elsinore.OPHELIA)
        before = traces.here(elsinore.OPHELIA)

        close(hamlet)

        assert traces.here(elsinore.OPHELIA) == before
        assert before == {"users_user.email", "messaging_outboxevent.data"}

    def test_takes_the_address_out_of_what_was_said_of_others(self, hamlet, elsinore):
        elsinore.sign_up(elsinore.OPHELIA)
        ophelia = elsinore.user(elsinore.OPHELIA)
        commands.ban_user(user_id=ophelia.pk, reason=f"is {elsinore.HAMLET.upper()} as well", now=clock.now())

        close(hamlet)

        ophelia.refresh_from_db()
        assert ophelia.ban_reason == "is (erased) as well"

    def test_undone_erases_nothing(self, hamlet):
        with pytest.raises(ZeroDivisionError):
            close_and_fail(hamlet)

        assert "messaging_outboxevent.data" in traces.here(world.HAMLET)


class TestTheLog:
    def test_says_that_it_was_rewritten_and_what_came_of_it(self, hamlet):
        close(hamlet)

        told = [(row.type, row.data["email"], row.data["redacted"], row.data["active"]) for row in log_of(hamlet)]
        assert told == [
            ("user.registered", None, True, True),
            ("user.updated", None, True, True),
            ("user.closed", None, False, False),
        ]

    def test_keeps_ids_types_and_positions_of_what_was_sent(self, hamlet):
        messaging.OutboxEvent.objects.filter(type="user.registered").update(epoch=1, position=7, sent_at=clock.now())
        place = ("id", "event_id", "type", "epoch", "position", "sent_at", "aggregate_version")
        before = list(log_of(hamlet).values_list(*place))

        close(hamlet)

        assert list(log_of(hamlet).values_list(*place))[:2] == before

    def test_can_still_be_read_as_events(self, hamlet):
        close(hamlet)

        for row in log_of(hamlet):
            event = events.from_data(registry.find(row.type, 1), msgspec.json.encode(row.data))
            assert (event.email, event.status) == (None, "closed")

    def test_tells_a_snapshot_as_it_tells_the_rest(self, hamlet):
        close(hamlet)

        with transaction.atomic():
            (told,) = [event for event in snapshots.page(after=None, most=10) if event.id == hamlet.pk]

        assert (told.email, told.active, told.roles, told.status) == (None, False, (), "closed")


class TestSomebodyWhoIsGone:
    def test_may_come_back_as_somebody_else(self, hamlet, elsinore):
        close(hamlet)

        elsinore.sign_up()

        again = elsinore.user()
        assert again.pk != hamlet.pk
        close(again)
        assert traces.here(elsinore.HAMLET) == set()

    def test_is_refused_with_every_token(self, hamlet, elsinore):
        browser = elsinore.client()
        elsinore.sign_in(browser=browser)

        close(hamlet)

        assert elsinore.current_user(browser) is None
        assert elsinore.post(browser, "refresh").status_code == 401
