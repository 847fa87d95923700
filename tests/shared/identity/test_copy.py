import datetime as dt
import uuid

import pytest

from shared.contracts import users
from shared.identity import copies, handlers, keys, models, tasks
from tests.shared.identity import people

pytestmark = pytest.mark.django_db


def hear(event):
    handlers.HANDLERS[type(event)](event, now=people.NOW)


def counter():
    return models.Change.objects.values_list("counter", flat=True).first() or 0


class TestEveryEventOfAuth:
    @pytest.mark.parametrize("event", users.EVENTS, ids=lambda event: event.TYPE)
    def test_has_a_handler(self, event):
        assert event in handlers.HANDLERS


class TestUsers:
    def test_are_copied(self):
        hear(people.event(roles=("support",)))

        user = models.User.objects.get(pk=people.OPHELIA)
        assert (user.email, user.roles, user.active, user.version) == ("ophelia@elsinore.dk", ["support"], True, 0)

    def test_are_updated(self):
        hear(people.event())
        hear(people.event(users.UserUpdated, email="o@elsinore.dk", roles=("admin",), version=1))

        user = models.User.objects.get(pk=people.OPHELIA)
        assert (user.email, user.roles, user.version) == ("o@elsinore.dk", ["admin"], 1)

    def test_are_known_from_any_event_first_heard(self):
        hear(people.banned())

        assert not models.User.objects.get(pk=people.OPHELIA).active

    def test_are_emptied_when_closed_but_never_deleted(self):
        hear(people.event(roles=("support",)))
        hear(people.event(users.UserClosed, email=None, active=False, tokens_valid_after=people.NOW, version=1))

        user = models.User.objects.get(pk=people.OPHELIA)
        assert (user.email, user.roles, user.active) == (None, [], False)

    def test_two_may_bear_one_address_for_a_moment(self):
        hear(people.event())
        hear(people.event(id=uuid.uuid4()))

        assert models.User.objects.count() == 2

    @pytest.mark.parametrize(
        ("event", "wakes"),
        [
            (people.event(), False),
            (people.banned(), True),
            (people.event(users.UserReinstated, tokens_valid_after=people.NOW, version=2), True),
            (people.event(users.UserClosed, email=None, active=False, tokens_valid_after=people.NOW), True),
        ],
        ids=lambda value: getattr(value, "TYPE", value),
    )
    def test_wake_the_verifiers_only_when_tokens_are_concerned(self, event, wakes):
        before = counter()

        hear(event)

        assert (counter() > before) is wakes

    def test_wake_the_verifiers_when_a_restore_has_undone_a_ban(self):
        hear(people.banned())
        before = counter()

        hear(people.event(version=2))

        assert counter() > before

    def test_wake_nobody_who_has_heard_of_the_ban(self):
        hear(people.banned())
        before = counter()

        hear(people.banned(version=2))

        assert counter() == before


class TestRevokedSessions:
    def revoked(self, **members):
        return users.SessionRevoked(
            id=uuid.uuid4(), user_id=people.OPHELIA, expires_at=people.NOW + dt.timedelta(minutes=15), **members
        )

    def test_are_kept_and_wake_the_verifiers(self):
        event, before = self.revoked(), counter()

        hear(event)

        assert models.RevokedSession.objects.get(pk=event.id).expires_at == event.expires_at
        assert counter() > before

    def test_heard_twice_are_one(self):
        event = self.revoked()

        hear(event)
        hear(event)

        assert models.RevokedSession.objects.count() == 1

    def test_are_forgotten_when_no_token_can_live(self):
        over, alive = self.revoked(), self.revoked()
        hear(over)
        hear(alive)
        models.RevokedSession.objects.filter(pk=over.id).update(expires_at=people.NOW - dt.timedelta(seconds=1))

        tasks.prune()

        assert models.RevokedSession.objects.get().pk == alive.id


class TestSigningKeys:
    def test_published_asks_for_a_fetch_and_believes_nothing_else(self):
        hear(users.SigningKeyPublished(kid="yorick"))

        wanted, fetched = copies.keys_wanted()
        assert wanted > fetched
        assert not models.PublicKey.objects.exists()

    def test_retired_is_refused_at_once(self, issuer):
        copies.keep_keys({issuer.kid: issuer.public})
        before = counter()

        hear(users.SigningKeyRetired(kid=issuer.kid))

        assert keys.held() == {}
        assert counter() > before

    def test_retired_before_it_was_fetched_stays_retired(self, issuer):
        hear(users.SigningKeyRetired(kid=issuer.kid))
        copies.keep_keys({issuer.kid: issuer.public})

        assert keys.held() == {}

    def test_gone_from_the_set_is_gone(self, issuer):
        copies.keep_keys({"yorick": issuer.public})
        copies.keep_keys({issuer.kid: issuer.public})

        assert set(keys.held()) == {issuer.kid}


class TestRoles:
    @pytest.mark.parametrize(
        ("roles", "may"),
        [
            ([], []),
            (["admin"], ["view", "change", "add", "delete"]),
            (["support"], ["view"]),
            (["finance"], ["view"]),
            (["moderator"], ["view"]),
        ],
    )
    def test_say_what_one_may_do_in_the_admin(self, roles, may):
        user = models.User(roles=roles)

        assert [verb for verb in ("view", "change", "add", "delete") if user.has_perm(f"orders.{verb}_order")] == may
        assert user.is_staff is bool(roles)

    def test_of_a_banned_admin_say_nothing(self):
        user = models.User(roles=["admin"], active=False)

        powers = [user.is_staff, user.is_superuser, user.has_perm("orders.view_order"), user.has_role("admin")]
        assert powers == [False] * 4
