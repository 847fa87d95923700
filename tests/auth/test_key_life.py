"""Whatever is asked of the keys, in whatever order: no good token is refused, none of a revoked key believed.

Time is the test's own. One service hears every event; the other hears none, and fetches the set every five minutes.
"""

import datetime as dt
import types

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from auth_service.users import commands, models, queries
from auth_service.users import tokens as issuing
from shared import ids
from shared.identity import keys, tokens
from shared.messaging import models as messaging

pytestmark = pytest.mark.django_db

DAWN = dt.datetime(2026, 3, 2, 19, 30, tzinfo=dt.UTC)
FETCH_EVERY = dt.timedelta(seconds=keys.FETCH_EVERY)
HAMLET = types.SimpleNamespace(pk=ids.new(), email="hamlet@elsinore.dk", roles=[])
SESSION = types.SimpleNamespace(pk=ids.new())


class Service:
    """What a service holds of auth's keys."""

    def __init__(self, *, hears):
        self.hears, self.fetched_at = hears, DAWN
        self.keys, self.retired = {}, set()

    def fetches(self, now):
        self.fetched_at = now
        found = {key["kid"]: key for key in queries.key_set()["keys"]}
        self.keys = {kid: keys.jwk.ECKey.import_key(key) for kid, key in found.items() if kid not in self.retired}

    def retires(self, kid):
        self.retired.add(kid)
        self.keys.pop(kid, None)

    def believes(self, token, now):
        try:
            return bool(tokens.verify(token, self.keys, now=now))
        except tokens.InvalidToken:
            return False


class Elsinore:
    """Auth, two services, and every token that was ever handed out."""

    def __init__(self, *, rotate=commands.rotate_signing_key):
        self.now, self.heard, self.rotate = DAWN, 0, rotate
        self.services = Service(hears=True), Service(hears=False)
        self.tokens, self.revoked = [], set()
        self.said = messaging.OutboxEvent.objects.filter(type__startswith="signing_key.").order_by("id")
        commands.ensure_signing_key(now=self.now)
        for service in self.services:
            service.fetches(self.now)

    def does(self, step):
        name, argument = step
        getattr(self, name)(argument)
        self.tells_what_was_said()
        self.holds()

    def waits(self, seconds):
        """In steps, as sweeps and fetches come by themselves."""
        end = self.now + dt.timedelta(seconds=seconds)
        while self.now < end:
            self.now = min(end, self.now + dt.timedelta(seconds=100))
            commands.tend_signing_keys(now=self.now)
            self.tells_what_was_said()
            for service in self.services:
                if self.now - service.fetched_at >= FETCH_EVERY:
                    service.fetches(self.now)
            self.holds()

    def signs(self, _):
        token = issuing.issue(user=HAMLET, session=SESSION, now=self.now)
        self.tokens.append((models.SigningKey.current().kid, self.now + tokens.life(), token))

    def rotates(self, _):
        try:
            self.rotate(now=self.now)
        except commands.StandbyTooNew:
            assert models.SigningKey.standby().known_from > self.now

    def revokes(self, which):
        """One of the keys that count, as far as a standby that replaces it is known everywhere."""
        published = list(models.SigningKey.published())
        key = published[which % len(published)]
        if models.SigningKey.standby().known_from <= self.now or key.status == key.Status.PREVIOUS:
            commands.revoke_signing_key(kid=key.kid, now=self.now)
            self.revoked.add(key.kid)

    def tells_what_was_said(self):
        for event in self.said[self.heard :]:
            self.heard += 1
            for service in self.services:
                if event.type == "signing_key.retired":
                    service.retires(event.data["kid"])  # the bus is down for nobody: this is not what is tested here
                elif service.hears:
                    service.fetches(self.now)

    def holds(self):
        statuses = sorted(key.status for key in models.SigningKey.published() if key.status != "previous")
        assert statuses == ["current", "standby"]
        for kid, expires_at, token in self.tokens:
            for service in self.services:
                if kid in self.revoked:
                    assert not service.believes(token, self.now), "a token of a revoked key is believed"
                elif self.now < expires_at:
                    assert service.believes(token, self.now), "a good token is refused"


STEPS = st.one_of(
    st.tuples(st.just("waits"), st.sampled_from([1, 30, 299, 600, 930, 1000])),
    st.tuples(st.just("signs"), st.none()),
    st.tuples(st.just("rotates"), st.none()),
    st.tuples(st.just("revokes"), st.integers(0, 3)),
)


def lives(steps, **how):
    with transaction.atomic():
        elsinore = Elsinore(**how)
        for step in steps:
            elsinore.does(step)
        transaction.set_rollback(True)


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_no_good_token_is_refused_and_none_of_a_revoked_key_believed(steps):
    lives(steps)


LATE_TOKEN = [("signs", None), ("waits", 1000), ("signs", None), ("rotates", None), ("waits", 840), ("signs", None)]


def test_a_rotation_in_the_life_of_a_token_goes_unnoticed():
    lives(LATE_TOKEN)


def sign_with_a_new_key(*, now):
    """Rotation as one does it without a standby: make a key, sign with it."""
    models.SigningKey.current().supersede(now)
    models.SigningKey.standby().retire(now)
    issuing.make_key(now=now).activate(now)
    issuing.make_key(now=now)


def retire_at_once(*, now):
    """Rotation as one does it without a thought of the tokens that are out."""
    before = models.SigningKey.current().kid
    commands.rotate_signing_key(now=now)
    commands.revoke_signing_key(kid=before, now=now)


@pytest.mark.parametrize("rotate", [sign_with_a_new_key, retire_at_once])
def test_control_a_rotation_without_standby_or_without_patience_is_found_out(rotate):
    with pytest.raises(AssertionError, match="a good token is refused"):
        lives([*LATE_TOKEN, ("rotates", None), ("signs", None)], rotate=rotate)


def test_control_a_standby_that_is_not_known_yet_is_found_out():
    insistent = [("waits", 600), ("rotates", None), ("waits", 1), ("rotates", None), ("signs", None)]

    with pytest.raises(AssertionError, match="a good token is refused"):
        lives(insistent, rotate=lambda *, now: commands.rotate_signing_key(now=now, insist=True))


def test_control_believing_a_revoked_key_is_found_out(monkeypatch):
    monkeypatch.setattr(Service, "retires", lambda self, kid: None)

    with pytest.raises(AssertionError, match="a token of a revoked key is believed"):
        lives([("signs", None), ("waits", 600), ("revokes", 0)])
