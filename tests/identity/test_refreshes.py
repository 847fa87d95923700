"""Many tabs that renew one session at the same moment, and somebody who comes with a token of yesterday.

`REFRESH_ROUNDS=100` has them do so a hundred times. What the same test sees when the guard is taken away is in
`tests/auth/test_races.py`.
"""

import concurrent.futures
import contextlib
import os
import time

import pytest

from shared.testing import waiting
from tests.market import people, scenes

ROUNDS = int(os.environ.get("REFRESH_ROUNDS", "20"))
TABS = 50
GRACE = 10.0
"""Seconds in which the token before is a second tab's."""
PLACES = ("/api/tickets", "/api/orders", "/api/payments", "/api/users/currentuser")


def cookie(cookies, name):
    """Whatever prefix it carries: it depends on the scheme."""
    return next(value for found, value in cookies.items() if found.endswith(name))


def renew(client, token):
    """The answer to `token`, given in the body by a client that keeps nothing."""
    client.cookies.clear()
    return client.post("/api/users/refresh", json={"refresh": token})


def renew_at_last(client, token):
    """As `renew`, by somebody who asks again when told to come back: fifty at once are many for a busy machine."""

    def served():
        answer = renew(client, token)
        return None if answer.status_code == 503 else answer

    return waiting.until(served, seconds=GRACE, every=0.2, what="an answer to a refresh")


def statuses(client, token):
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {token}"}
    return [client.get(place, headers=bearer).status_code for place in PLACES]


@pytest.fixture
def ophelia(market):
    person = people.Person(market, "ophelia").signs_up()
    yield person
    person.http.close()


@pytest.fixture
def token(ophelia):
    return cookie(ophelia.http.cookies, "refresh_token")


@pytest.fixture
def client(market):
    with market.client() as client:
        yield client


@pytest.mark.timeout(400 + 5 * ROUNDS)
def test_fifty_tabs_at_once_are_one_lineage_every_time(market, ophelia, token):
    with contextlib.ExitStack() as stack:
        tabs = [stack.enter_context(market.client(timeout=30.0)) for _ in range(TABS)]
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(TABS))
        for round_ in range(1, ROUNDS + 1):
            answers = list(pool.map(lambda tab, shared=token: renew_at_last(tab, shared), tabs))

            assert {answer.status_code for answer in answers} == {200}, f"round {round_}"
            (token,) = {cookie(answer.cookies, "refresh_token") for answer in answers}

    sessions = scenes.Behind(market).run(
        "auth", "SELECT generation, revoked_at FROM users_session WHERE user_id = %s", ophelia.id
    )
    assert sessions == [{"generation": ROUNDS, "revoked_at": None}]


def test_the_token_just_before_is_a_second_tab(client, token):
    newest = renew(client, token)
    late = renew(client, token)

    assert late.status_code == 200
    assert cookie(late.cookies, "refresh_token") == cookie(newest.cookies, "refresh_token")
    assert statuses(client, cookie(newest.cookies, "access_token")) == [200] * 4


def test_any_older_token_ends_the_session_everywhere(client, token):
    newer = renew(client, token)
    newest = renew(client, cookie(newer.cookies, "refresh_token"))
    access = cookie(newest.cookies, "access_token")
    assert statuses(client, access) == [200] * 4

    people.assert_refused(renew(client, token), 401)

    began = time.monotonic()
    waiting.until(lambda: statuses(client, access) == [401] * 4, seconds=people.SOON, what="the session to be refused")
    print(f"refused everywhere {time.monotonic() - began:.3f} s after the answer")  # noqa: T201
    people.assert_refused(renew(client, cookie(newest.cookies, "refresh_token")), 401)
