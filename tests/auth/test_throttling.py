"""Who guesses waits longer each time, and keeps nobody out by it who has signed in in his browser before."""

import datetime as dt
import time
from unittest import mock

import pytest

from auth_service.users import commands, passwords
from shared import clock
from shared.http import models as http
from tests.auth import world
from tests.auth.test_sign_in import hashes_during


@pytest.fixture(autouse=True)
def hands(monkeypatch):
    """A clock that stands still unless a test moves it: no wait is over because the machine was slow."""
    return Hands(monkeypatch)


class Hands:
    def __init__(self, monkeypatch):
        self.moment = dt.datetime.now(dt.UTC)
        monkeypatch.setattr(clock, "now", lambda: self.moment)

    def move(self, seconds):
        self.moment += dt.timedelta(seconds=seconds)


WRONG = "to-be-or-not-to-be"


def guess(browser=None, email=world.HAMLET, password=WRONG):
    return world.sign_in(email=email, password=password, browser=browser)


def statuses(times, **arguments):
    return [guess(**arguments).status_code for _ in range(times)]


@pytest.fixture
def few(settings):
    settings.SIGN_IN_FAILURES_PER_ACCOUNT = 3
    return settings


class TestFailures:
    def test_for_one_account_end_in_a_429(self, elsinore, few):
        elsinore.sign_up()

        assert statuses(5) == [400, 400, 400, 429, 429]

    def test_make_the_next_one_wait_twice_as_long_each_time(self, elsinore, few, hands):
        waited = []
        statuses(2)
        for _ in range(6):
            assert guess().status_code == 400
            waited.append(int(guess().headers["Retry-After"]))
            hands.move(waited[-1])

        assert waited == [1, 2, 4, 8, 16, 32]

    def test_keep_the_right_password_waiting_as_well(self, elsinore, few, hands):
        elsinore.sign_up()
        statuses(3)

        assert elsinore.sign_in().status_code == 429
        hands.move(1)
        assert elsinore.sign_in().status_code == 200

    def test_at_an_account_that_does_not_exist_are_treated_alike(self, elsinore, few):
        assert statuses(4, email="yorick@elsinore.dk") == [400, 400, 400, 429]

    def test_count_together_however_the_address_is_written(self, elsinore, few):
        answers = [guess(email=email) for email in (world.HAMLET, world.HAMLET.upper(), "Hamlet@Elsinore.dk")]

        assert {answer.status_code for answer in answers} == {400}
        assert guess().status_code == 429

    def test_once_too_many_cost_no_hash(self, elsinore, few):
        statuses(3)

        response, hashes = hashes_during(guess)

        assert (response.status_code, hashes) == (429, 0)

    def test_at_one_account_do_not_touch_another(self, elsinore, few):
        elsinore.sign_up(elsinore.OPHELIA)
        statuses(4)

        assert elsinore.sign_in(elsinore.OPHELIA).status_code == 200

    def test_from_one_address_end_in_a_429_over_all_accounts(self, elsinore, settings):
        settings.SIGN_IN_FAILURES_PER_ADDRESS = 3

        answers = [guess(email=f"gravedigger{number}@elsinore.dk") for number in range(4)]

        assert [answer.status_code for answer in answers] == [400, 400, 400, 429]

    def test_do_not_count_by_address_where_that_is_switched_off(self, elsinore, settings):
        settings.SIGN_IN_FAILURES_PER_ADDRESS, settings.LIMITS_PER_ADDRESS = 1, False

        answers = [guess(email=f"gravedigger{number}@elsinore.dk") for number in range(3)]

        assert {answer.status_code for answer in answers} == {400}

    def test_are_none_where_somebody_signs_in(self, elsinore, few):
        elsinore.sign_up()

        assert {elsinore.sign_in().status_code for _ in range(5)} == {200}

    def test_are_none_where_auth_was_too_busy_to_say(self, elsinore, few, monkeypatch):
        monkeypatch.setattr(passwords, "PATIENCE", 0)
        with passwords._slot(), passwords._slot():
            assert set(statuses(5)) == {503}

        assert statuses(3) == [400] * 3

    def test_are_written_down_without_saying_whose(self, elsinore, few):
        elsinore.sign_up()
        statuses(3)

        buckets = http.Count.objects.values_list("bucket", flat=True)
        assert {bucket.rpartition(":")[0] for bucket in buckets} == {
            "signup:address",
            "signin:account",
            "signin:address",
        }
        assert not [bucket for bucket in buckets if "hamlet" in bucket or "127.0.0.1" in bucket]

    def test_are_written_down_under_names_that_nobody_can_guess(self, elsinore, few, settings):
        guess()
        first = set(http.Count.objects.values_list("bucket", flat=True))

        settings.REFRESH_SECRET = "another"
        guess()

        assert len(set(http.Count.objects.values_list("bucket", flat=True)) - first) == len(first)


class TestAKnownDevice:
    @pytest.fixture
    def owner(self, elsinore, few):
        """The browser of somebody who has signed in before, and out."""
        browser = elsinore.sign_up()
        elsinore.post(browser, "signout")
        return browser

    def test_is_not_kept_out_by_strangers(self, elsinore, owner):
        assert statuses(4)[-1] == 429

        assert elsinore.sign_in(browser=owner).status_code == 200

    def test_control_without_its_cookie_is_kept_out(self, elsinore, owner):
        statuses(4)
        del owner.cookies["known_device"]

        assert elsinore.sign_in(browser=owner).status_code == 429

    def test_is_not_kept_out_by_a_stranger_at_the_same_address(self, elsinore, owner, settings):
        settings.SIGN_IN_FAILURES_PER_ADDRESS = 1
        assert statuses(2, email="yorick@elsinore.dk") == [400, 429]

        assert elsinore.sign_in(browser=owner).status_code == 200

    def test_has_its_own_failures_counted(self, elsinore, owner):
        assert statuses(4, browser=owner) == [400, 400, 400, 429]

        assert elsinore.sign_in().status_code == 200

    def test_is_a_stranger_to_every_other_account(self, elsinore, owner):
        elsinore.sign_up(elsinore.OPHELIA)
        statuses(4, email=elsinore.OPHELIA)

        assert guess(owner, email=elsinore.OPHELIA, password=elsinore.PASSWORD).status_code == 429

    def test_becomes_another_with_each_sign_in(self, elsinore, owner):
        first = owner.cookies["known_device"].value

        elsinore.sign_in(browser=owner)

        assert owner.cookies["known_device"].value != first

    def test_is_not_forgotten_with_the_session(self, elsinore, owner):
        assert owner.cookies["known_device"]["max-age"] == 180 * 86400

    def test_is_also_where_somebody_signed_in_at_the_admins_page(self, elsinore, few):
        elsinore.sign_up()
        browser = elsinore.client()
        browser.post("/admin/", {"email": elsinore.HAMLET, "password": elsinore.PASSWORD})
        statuses(4)

        assert elsinore.sign_in(browser=browser).status_code == 200

    def test_is_not_made_by_a_failure(self, elsinore, few):
        assert "known_device" not in guess().cookies

    def test_says_nothing_of_the_account_but_its_id(self, elsinore, owner):
        signed, _at, _seal = owner.cookies["known_device"].value.split(":")

        user_id, name = signed.split(".")
        assert user_id == str(elsinore.user().pk)
        assert len(name) >= 20

    def test_is_a_stranger_once_the_password_is_another(self, elsinore, owner):
        whose = {"user_id": elsinore.user().pk, "session_id": elsinore.session().pk}
        passwords_of = {"current_password": elsinore.PASSWORD, "new_password": "something-rotten"}
        commands.change_password(**whose, **passwords_of, now=clock.now())
        statuses(4)

        assert elsinore.sign_in(password="something-rotten", browser=owner).status_code == 429

    def test_is_a_stranger_after_half_a_year(self, elsinore, owner):
        statuses(4)

        with mock.patch("django.core.signing.time.time", return_value=time.time() + 181 * 86400):
            assert elsinore.sign_in(browser=owner).status_code == 429

    @pytest.mark.parametrize(
        "forge",
        [
            lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
            lambda value: value.upper(),
            lambda value: value.replace(".", "..", 1),
            lambda value: value + ".",
            lambda value: value.rpartition(":")[0],
            lambda value: ":".join([f"{value.split('.')[0]}.another", *value.split(":")[1:]]),
            lambda value: ":".join([value.split(":")[0], "zzzzzz", value.split(":")[2]]),
            lambda value: value.split(".")[0],
            lambda value: "x" * 5000,
            lambda value: "hamlet.é.é",
            lambda value: "",
        ],
    )
    def test_that_is_forged_is_a_stranger(self, elsinore, owner, forge):
        owner.cookies["known_device"] = forge(owner.cookies["known_device"].value)
        statuses(4)

        assert elsinore.sign_in(browser=owner).status_code == 429

    def test_has_the_prefix_on_https_and_only_that_is_read(self, elsinore, owner, settings):
        settings.PUBLIC_ORIGIN = "https://tickets.example"
        statuses(4)

        assert elsinore.sign_in(browser=owner).status_code == 429
        owner.cookies["__Host-known_device"] = owner.cookies["known_device"].value
        assert elsinore.sign_in(browser=owner).status_code == 200
