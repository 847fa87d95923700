"""The keys that sign: one that does, one that will, those that did, and what becomes of one that has leaked."""

import datetime as dt
import io
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from auth_service.users import commands, models, tasks
from auth_service.users import tokens as issuing
from auth_service.users.commands import people
from shared import clock
from shared.identity import models as identity
from shared.identity import readiness, tokens
from shared.testing import races
from tests.auth import world

Status = models.SigningKey.Status


def run(*line):
    out = io.StringIO()
    call_command(*line, stdout=out)
    return out.getvalue()


def kid(status):
    return models.SigningKey.objects.get(status=status).kid


def published():
    return [key["kid"] for key in world.client().get("/.well-known/jwks.json").json()["keys"]]


def signed_with(browser):
    return world.read_header(browser.cookies["access_token"].value)["kid"]


def is_known(status, *, ago):
    """As if the key had been made that long ago."""
    models.SigningKey.objects.filter(status=status).update(created_at=clock.now() - ago)


def life_of_tokens():
    """From a key's last token until none of it can be believed, by whatever clock."""
    return tokens.life() + 2 * tokens.LEEWAY


@pytest.fixture
def known_standby(elsinore, settings):
    is_known(Status.STANDBY, ago=settings.SIGNING_KEY_LEAD)
    return kid(Status.STANDBY)


@pytest.fixture
def unlocked():
    """Nobody waits for anybody, and keys take their time to be made, as on a busy machine."""

    def slowly(*, now):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.2)")
        return made(now=now)

    made = issuing.make_key
    with mock.patch.object(people, "one_at_a_time"), mock.patch.object(issuing, "make_key", slowly):
        yield


def ensure():
    commands.ensure_signing_key(now=clock.now())


def rotate():
    commands.rotate_signing_key(now=clock.now(), insist=True)


def statuses():
    return sorted(models.SigningKey.objects.values_list("status", flat=True))


class TestTheFirstKey:
    def test_is_made_once_with_its_standby(self, elsinore):
        first = run("ensure_signing_key")

        assert run("ensure_signing_key") == first
        assert sorted(models.SigningKey.objects.values_list("status", flat=True)) == ["current", "standby"]
        assert len(elsinore.said("signing_key.published")) == 2

    def test_is_made_once_by_many_at_once(self, transactional_db):
        races.at_once(*[ensure] * 5)

        assert statuses() == ["current", "standby"]

    def test_control_without_the_lock_they_are_in_each_other_s_way(self, transactional_db, unlocked):
        with pytest.raises(IntegrityError):
            races.at_once(*[ensure] * 5)

    def test_without_one_nobody_signs_up_or_in_but_is_told_to_come_back(self, elsinore):
        models.SigningKey.objects.all().delete()

        response = elsinore.post(elsinore.client(), "signup", {"email": elsinore.HAMLET, "password": elsinore.PASSWORD})

        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert elsinore.user() is None

    def test_readiness_asks_for_one(self, elsinore):
        assert readiness.keys_held() is None
        identity.PublicKey.objects.all().delete()
        assert readiness.keys_held()


class TestTheKeySet:
    def test_holds_the_public_halves_alone(self, elsinore):
        keys = elsinore.client().get("/.well-known/jwks.json").json()["keys"]

        assert [set(key) for key in keys] == [{"kty", "crv", "x", "y", "kid", "alg", "use"}] * 2
        assert {key["alg"] for key in keys} == {"ES256"}

    def test_holds_the_standby_which_signs_nothing(self, elsinore):
        assert published() == [kid(Status.CURRENT), kid(Status.STANDBY)]
        assert signed_with(elsinore.sign_up()) == kid(Status.CURRENT)

    def test_is_announced_without_key_material(self, elsinore):
        assert [event.data for event in elsinore.said("signing_key.published")] == [
            {"kid": name} for name in published()
        ]

    def test_is_what_auths_own_verifier_believes(self, elsinore, known_standby):
        run("rotate_signing_key")

        assert set(identity.PublicKey.objects.values_list("kid", flat=True)) == set(published())


class TestPrivateHalves:
    def test_are_sealed_at_rest(self, elsinore):
        for key in models.SigningKey.objects.all():
            assert key.sealed
            assert b"PRIVATE" not in bytes(key.sealed)

    def test_are_gone_once_a_key_signs_no_more(self, elsinore, known_standby):
        run("rotate_signing_key")

        assert bytes(models.SigningKey.objects.get(status=Status.PREVIOUS).sealed) == b""

    def test_are_opened_with_the_secret_before_the_present_one(self, elsinore, settings):
        settings.SIGNING_SECRET, settings.SIGNING_SECRET_OLD = "another", settings.SIGNING_SECRET
        issuing._backend.cache_clear()

        assert elsinore.current_user(elsinore.sign_up())

    def test_are_sealed_with_the_present_secret_so_that_after_two_rotations_the_old_one_may_go(
        self, elsinore, settings
    ):
        settings.SIGNING_SECRET, settings.SIGNING_SECRET_OLD = "another", settings.SIGNING_SECRET
        for _ in range(2):
            run("rotate_signing_key", "--now")

        settings.SIGNING_SECRET_OLD = ""

        assert elsinore.current_user(elsinore.sign_up())


class TestRotation:
    def test_lets_the_standby_sign_and_publishes_another(self, elsinore, known_standby):
        assert known_standby in run("rotate_signing_key")

        assert signed_with(elsinore.sign_up()) == known_standby
        assert kid(Status.STANDBY) in published()
        assert elsinore.said("signing_key.published")[-1].data == {"kid": kid(Status.STANDBY)}

    def test_leaves_the_tokens_of_the_key_before_as_they_were(self, elsinore, known_standby):
        browser = elsinore.sign_up()

        run("rotate_signing_key")

        assert elsinore.current_user(browser)
        assert not elsinore.said("signing_key.retired")

    def test_is_refused_while_a_service_may_not_know_the_standby(self, elsinore, settings):
        is_known(Status.STANDBY, ago=settings.SIGNING_KEY_LEAD - dt.timedelta(seconds=10))
        current = kid(Status.CURRENT)

        with pytest.raises(CommandError, match=r"known everywhere yet.*--now"):
            run("rotate_signing_key")

        assert kid(Status.CURRENT) == current

    def test_at_once_is_for_who_insists(self, elsinore):
        standby = kid(Status.STANDBY)

        run("rotate_signing_key", "--now")

        assert kid(Status.CURRENT) == standby

    def test_by_five_at_once_leaves_one_current_key_and_one_standby(self, transactional_db):
        ensure()

        races.at_once(*[rotate] * 5)

        assert statuses() == ["current", *["previous"] * 5, "standby"]

    def test_control_without_the_lock_they_are_in_each_other_s_way(self, transactional_db, unlocked):
        ensure()

        with pytest.raises((IntegrityError, models.WrongKeyState)):
            races.at_once(*[rotate] * 5)


class TestRevocation:
    def test_of_the_current_key_refuses_its_tokens_and_promotes_the_standby(self, elsinore):
        browser, leaked, standby = elsinore.sign_up(), kid(Status.CURRENT), kid(Status.STANDBY)

        assert standby in run("revoke_signing_key", leaked)

        assert elsinore.current_user(browser) is None
        assert elsinore.said("signing_key.retired")[0].data == {"kid": leaked}
        assert kid(Status.CURRENT) == standby
        assert leaked not in published()

    def test_leaves_people_their_sessions(self, elsinore):
        browser = elsinore.sign_up()
        run("revoke_signing_key", kid(Status.CURRENT))

        assert elsinore.post(browser, "refresh").status_code == 200
        assert elsinore.current_user(browser)

    def test_of_the_standby_puts_another_in_its_place(self, elsinore):
        browser, current, leaked = elsinore.sign_up(), kid(Status.CURRENT), kid(Status.STANDBY)

        run("revoke_signing_key", leaked)

        assert kid(Status.CURRENT) == current
        assert published() == [current, kid(Status.STANDBY)]
        assert elsinore.current_user(browser)

    def test_of_a_previous_key_refuses_its_tokens_alone(self, elsinore):
        early, leaked = elsinore.sign_up(), kid(Status.CURRENT)
        run("rotate_signing_key", "--now")
        late = elsinore.sign_up(elsinore.OPHELIA)

        run("revoke_signing_key", leaked)

        assert elsinore.current_user(early) is None
        assert elsinore.current_user(late)

    def test_is_for_ever(self, elsinore):
        leaked = kid(Status.CURRENT)
        run("revoke_signing_key", leaked)

        with pytest.raises(CommandError, match="that is retired cannot be retired"):
            run("revoke_signing_key", leaked)

        assert identity.PublicKey.objects.get(kid=leaked).retired

    def test_of_an_unknown_key_says_which_there_are(self, elsinore):
        with pytest.raises(CommandError, match=f"no such signing key.*{kid(Status.CURRENT)}"):
            run("revoke_signing_key", "yorick")


class TestTheSweep:
    def test_retires_a_previous_key_when_its_last_token_is_over(self, elsinore, known_standby):
        before = kid(Status.CURRENT)
        run("rotate_signing_key")
        models.SigningKey.objects.filter(kid=before).update(superseded_at=clock.now() - life_of_tokens())

        tasks.tend_signing_keys()

        assert kid(Status.RETIRED) == before
        assert before not in published()
        assert [event.data for event in elsinore.said("signing_key.retired")] == [{"kid": before}]

    def test_does_not_before(self, elsinore, known_standby):
        run("rotate_signing_key")
        nearly = clock.now() - life_of_tokens() + dt.timedelta(seconds=10)
        models.SigningKey.objects.filter(status=Status.PREVIOUS).update(superseded_at=nearly)

        tasks.tend_signing_keys()

        assert kid(Status.PREVIOUS) in published()

    def test_rotates_a_key_that_has_signed_for_long(self, elsinore, known_standby, settings):
        models.SigningKey.objects.filter(status=Status.CURRENT).update(
            active_from=clock.now() - settings.SIGNING_KEY_LIFE
        )

        tasks.tend_signing_keys()
        tasks.tend_signing_keys()

        assert kid(Status.CURRENT) == known_standby

    def test_waits_with_that_until_the_standby_is_known(self, elsinore, settings):
        current = kid(Status.CURRENT)
        models.SigningKey.objects.filter(kid=current).update(active_from=clock.now() - settings.SIGNING_KEY_LIFE)

        tasks.tend_signing_keys()

        assert kid(Status.CURRENT) == current

    def test_rotates_nothing_where_keys_are_to_sign_for_ever(self, elsinore, known_standby, settings):
        settings.SIGNING_KEY_LIFE = dt.timedelta(0)

        tasks.tend_signing_keys()

        assert kid(Status.STANDBY) == known_standby

    def test_makes_the_standby_that_a_market_of_an_older_release_lacks(self, elsinore):
        models.SigningKey.objects.filter(status=Status.STANDBY).delete()

        tasks.tend_signing_keys()

        assert kid(Status.STANDBY) in published()


class TestStates:
    @pytest.mark.parametrize(
        ("status", "asked"),
        [
            ("current", "activate"), ("previous", "activate"), ("retired", "activate"),
            ("standby", "supersede"), ("previous", "supersede"), ("retired", "supersede"),
            ("retired", "retire"),
        ],
    )  # fmt: skip
    def test_are_passed_in_one_direction(self, status, asked):
        key = models.SigningKey(kid="yorick", status=status)

        with pytest.raises(models.WrongKeyState):
            getattr(key, asked)(dt.datetime.now(dt.UTC))

    @pytest.mark.parametrize(("status", "other"), [("current", "standby"), ("standby", "current")])
    def test_that_are_for_one_key_are_so_whatever_the_code_does(self, elsinore, status, other):
        with pytest.raises(IntegrityError, match="one_current_key_and_one_standby"), transaction.atomic():
            models.SigningKey.objects.filter(status=other).update(status=status)

    def test_that_are_over_hold_no_private_half_whatever_the_code_does(self, elsinore):
        with pytest.raises(IntegrityError, match="only_keys_that_may_sign_are_private"), transaction.atomic():
            models.SigningKey.objects.filter(status="standby").update(status="retired")
