import re
import threading
from unittest import mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auth_service.users import commands, passwords
from shared import clock
from shared.testing import waiting
from tests.auth import world


def hashes_during(action):
    """How many argon2 computations `action` costs, the real ones being done."""
    with mock.patch.object(passwords, "_argon2", wraps=passwords._argon2) as counted:
        response = action()
    return response, counted.verify.call_count + counted.hash.call_count


class TestSignIn:
    def test_starts_a_session(self, elsinore):
        elsinore.sign_up()
        browser = elsinore.client()

        response = elsinore.sign_in(browser=browser)

        assert response.status_code == 200
        assert response.json() == {"id": str(elsinore.user().pk), "email": elsinore.HAMLET}
        assert elsinore.current_user(browser)["email"] == elsinore.HAMLET

    def test_finds_the_account_whatever_the_case_of_the_address(self, elsinore):
        elsinore.sign_up()

        assert elsinore.sign_in(email="HAMLET@Elsinore.DK").status_code == 200

    def test_every_sign_in_is_a_session_of_its_own(self, elsinore):
        first, second = elsinore.sign_up(), elsinore.client()
        elsinore.sign_in(browser=second)

        assert elsinore.access_claims(first)["sid"] != elsinore.access_claims(second)["sid"]

    def test_remembers_what_kind_of_browser_it_was(self, elsinore):
        elsinore.sign_up()

        elsinore.sign_in(browser=elsinore.client(**{"User-Agent": "Yorick/1.0" + "x" * 500}))

        assert elsinore.session().agent.startswith("Yorick/1.0x")

    @pytest.mark.parametrize("path", ["signin/", "signin"])
    def test_takes_a_trailing_slash_or_none(self, elsinore, path):
        elsinore.sign_up()

        response = elsinore.post(elsinore.client(), path, {"email": elsinore.HAMLET, "password": elsinore.PASSWORD})

        assert response.status_code == 200


class TestRefusal:
    def refusals(self, elsinore):
        elsinore.sign_up()
        elsinore.sign_up(elsinore.OPHELIA)
        commands.ban_user(user_id=elsinore.user(elsinore.OPHELIA).pk, now=clock.now())
        return {
            "unknown": lambda: elsinore.sign_in(email="yorick@elsinore.dk"),
            "wrong": lambda: elsinore.sign_in(password="to-be-or-not-to-be"),
            "banned": lambda: elsinore.sign_in(email=elsinore.OPHELIA),
            "banned and wrong": lambda: elsinore.sign_in(email=elsinore.OPHELIA, password="get-thee-to-a"),
        }

    def test_is_alike_for_unknown_wrong_and_banned(self, elsinore):
        answers = [attempt() for attempt in self.refusals(elsinore).values()]

        assert {answer.status_code for answer in answers} == {400}
        assert len({tuple(error.items()) for answer in answers for error in answer.json()["errors"]}) == 1
        assert elsinore.messages(answers[0]) == ["Invalid credentials"]
        assert not any(answer.cookies for answer in answers)
        assert len({tuple(sorted(set(answer.headers) - {"X-Request-ID"})) for answer in answers}) == 1

    def test_costs_the_same_one_hash_for_unknown_wrong_and_banned(self, elsinore):
        for attempt in self.refusals(elsinore).values():
            _, hashes = hashes_during(attempt)

            assert hashes == 1

    def test_asks_the_database_the_same_for_unknown_wrong_and_banned(self, elsinore):
        asked = set()
        for attempt in self.refusals(elsinore).values():
            with CaptureQueriesContext(connection) as queries:
                attempt()
            # Whether auth is recovering is asked now and then, whoever signs in.
            ours = [query["sql"] for query in queries if "messaging_log" not in query["sql"]]
            asked.add(tuple(re.sub(r"'[^']*'|\d+", "…", sql) for sql in ours))

        assert len(asked) == 1

    def test_a_right_password_costs_one_hash_as_well(self, elsinore):
        elsinore.sign_up()

        response, hashes = hashes_during(elsinore.sign_in)

        assert (response.status_code, hashes) == (200, 1)

    def test_the_dummy_is_as_costly_as_a_real_hash(self, elsinore, real_price):
        elsinore.sign_up()

        cost = passwords._nobodys.split("$")[1:4]
        assert cost == elsinore.user().password.split("$")[1:4]

    def test_of_a_closed_account_is_the_same(self, elsinore):
        elsinore.sign_up()
        commands.close_user(user_id=elsinore.user().pk, now=clock.now())

        response, hashes = hashes_during(elsinore.sign_in)

        assert (response.status_code, elsinore.messages(response), hashes) == (400, ["Invalid credentials"], 1)

    @pytest.mark.parametrize("body", [{}, {"email": "a@b.dk"}, {"password": "x"}, {"email": None, "password": []}])
    def test_says_what_is_missing(self, elsinore, body):
        assert elsinore.post(elsinore.client(), "signin", body).status_code == 400


class TestHashesAtOnce:
    def test_are_two_and_who_waits_too_long_is_told_to_come_back(self, elsinore, monkeypatch):
        monkeypatch.setattr(passwords, "PATIENCE", 0.05)
        elsinore.sign_up()

        with passwords._slot(), passwords._slot():
            response = elsinore.sign_in()

        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) >= 1
        assert elsinore.sign_in().status_code == 200

    def test_never_are_more_than_two(self, monkeypatch):
        monkeypatch.setattr(passwords, "PATIENCE", 60)
        slow = SlowHashes()
        monkeypatch.setattr(passwords, "_argon2", slow)
        threads = [threading.Thread(target=passwords.encode, args=(world.PASSWORD,)) for _ in range(6)]
        for thread in threads:
            thread.start()

        for done in (2, 4, 6):
            waiting.until(lambda done=done: slow.begun == done)
            slow.finish_two()
        for thread in threads:
            thread.join(timeout=10)

        assert slow.most == 2


class SlowHashes:
    """Hashes that end when they are told to, and that count how many are under way."""

    def __init__(self):
        self.begun = self.inside = self.most = 0
        self.guard, self.ends = threading.Lock(), threading.Semaphore(0)

    def hash(self, password):
        with self.guard:
            self.begun += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.ends.acquire(timeout=10)
        with self.guard:
            self.inside -= 1
        return "hash"

    def finish_two(self):
        self.ends.release(2)
