"""What auth says, as it comes from the bus: in any order, and twice."""

import datetime as dt
import itertools

import msgspec
import pytest

from shared import ids
from shared.contracts import envelope as envelopes
from shared.contracts import events, users
from shared.identity import models
from shared.messaging import apply
from tests.shared.identity import people

pytestmark = pytest.mark.django_db

BANNED_AT = people.NOW
LIFE = (
    people.event(roles=("support",)),
    people.banned(version=1, tokens_valid_after=BANNED_AT),
    people.event(users.UserReinstated, version=2, tokens_valid_after=BANNED_AT),
    people.event(users.UserClosed, version=3, email=None, active=False, tokens_valid_after=BANNED_AT),
)


@pytest.fixture(autouse=True)
def listening(settings):
    settings.MESSAGING_HANDLERS = ["shared.identity.handlers"]


def enveloped(event, position):
    return envelopes.Envelope(
        id=ids.new(),
        source=event.SOURCE,
        type=event.TYPE,
        subject=event.subject,
        time=dt.datetime.now(dt.UTC),
        dataschema=envelopes.schema_urn(type(event)),
        logepoch=1,
        position=position,
        aggregateversion=event.aggregate_version,
        data=msgspec.Raw(events.to_data(event)),
    )


def hear(*messages):
    return [apply.apply(message, consumer="orders", now=people.NOW) for message in messages]


class TestAUsersLife:
    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
    def test_ends_the_same_in_whatever_order_it_is_heard_and_twice(self, order):
        messages = [enveloped(event, position) for position, event in enumerate(LIFE, 1)]

        hear(*(messages[index] for index in order), *(messages[index] for index in reversed(order)))

        user = models.User.objects.get()
        assert (user.pk, user.email, user.roles, user.active) == (people.OPHELIA, None, [], False)
        assert (user.version, user.tokens_valid_after) == (3, BANNED_AT)

    def test_a_ban_that_overtakes_the_registration_stays(self):
        registered, banned = (enveloped(event, position) for position, event in enumerate(LIFE[:2], 1))

        outcomes = hear(banned, registered)

        assert outcomes == ["applied", "stale"]
        assert not models.User.objects.get().active


class TestASessionsEnd:
    def test_heard_twice_is_one(self):
        message = enveloped(
            users.SessionRevoked(id=ids.new(), user_id=people.OPHELIA, expires_at=people.NOW + dt.timedelta(hours=1)), 1
        )

        assert hear(message, message) == ["applied", "duplicate"]
        assert models.RevokedSession.objects.count() == 1
