"""A ban bites everywhere within a second, and stays whatever goes down."""

import concurrent.futures
import contextlib
import os
import statistics
import sys
import threading

import pytest

from shared.testing import waiting
from tests.identity import watch
from tests.market import people

OTHERS = [f"{service}.{kind}" for service in ("tickets", "orders", "payments") for kind in ("messaging", "web")]
AUTH = ("auth.web", "auth.messaging")
BANS = int(os.environ.get("BANS", "200"))


def bans(staff, person):
    answer = staff.http.post(f"/api/users/{person.id}/ban", json={"reason": "sells seats that do not exist"})
    assert answer.status_code == 204, answer.text


class TestABan:
    def test_is_noticed_by_every_service_and_every_admin(self, head_of_house, olivia, places):
        token = places.token(olivia)
        assert set(places.statuses(token).values()) == {200, 403}

        bans(head_of_house, olivia)

        assert max(places.wait_until_refused(token).values()) < 5

    def test_makes_the_cookie_nobodys(self, head_of_house, olivia, places):
        token = places.token(olivia)
        bans(head_of_house, olivia)
        places.wait_until_refused(token)

        assert olivia.http.get("/api/tickets").status_code == 200
        people.assert_refused(olivia.http.get("/api/orders"), 401)
        assert olivia.http.get("/admin/orders/", follow_redirects=False).status_code == 303
        people.assert_refused(olivia.http.post("/api/users/refresh"), 401)

    def test_that_is_lifted_lets_sign_in_anew_but_no_old_token_return(self, head_of_house, olivia, places):
        old = places.token(olivia)
        bans(head_of_house, olivia)
        places.wait_until_refused(old)

        assert head_of_house.http.delete(f"/api/users/{olivia.id}/ban").status_code == 204

        body = {"email": olivia.email, "password": people.PASSWORD}
        assert olivia.http.post("/api/users/signin", json=body).status_code == 200
        waiting.until(
            lambda: olivia.http.get("/api/orders").status_code == 200,
            seconds=people.SOON,
            what="the new session to count",
        )
        assert set(places.statuses(old).values()) == {401}

    def test_spares_everybody_else(self, head_of_house, olivia, bruno, places):
        token = places.token(olivia)
        bans(head_of_house, olivia)
        places.wait_until_refused(token)

        assert set(places.statuses(places.token(bruno), watch.APIS).values()) == {200}


def test_a_sign_out_ends_the_session_everywhere_and_no_other(olivia, market, places):
    with contextlib.closing(people.Person(market, "x").http) as other:
        other.post("/api/users/signin", json={"email": olivia.email, "password": people.PASSWORD})
        token = places.token(olivia)

        olivia.http.post("/api/users/signout")

        assert max(places.wait_until_refused(token).values()) < 5
        assert other.get("/api/orders").status_code == 200


@pytest.mark.parametrize("away", [AUTH, (*AUTH, "broker")], ids=["auth", "auth and the broker"])
def test_after_a_cold_restart_without(market, without, away, head_of_house, olivia, bruno, places, anybody):
    """The banned are refused, those who are signed in are served where nobody has to be asked, and anyone may look."""
    banned, good = places.token(olivia), places.token(bruno)
    ticket = bruno.offers()
    bans(head_of_house, olivia)
    places.wait_until_refused(banned)

    with without(*away):
        market.stop(*OTHERS)
        market.start(*OTHERS)

        assert set(places.statuses(banned, watch.APIS).values()) == {watch.REFUSED[market.identity]}
        assert set(places.statuses(good, watch.APIS).values()) == {watch.AWAY[market.identity]}
        assert anybody.get(people.path(ticket)).status_code == 200
        people.assert_refused(anybody.get("/api/orders"), 401)

    waiting.until(
        lambda: set(places.statuses(good, watch.APIS).values()) == {200}, seconds=people.SOON, what="auth to be back"
    )
    assert set(places.statuses(banned, watch.APIS).values()) == {401}


def test_many_bans_under_load_bite_within_a_second(market, newcomer, head_of_house, places, capsys):
    crowd = [people.Person(market, "suspect") for _ in range(BANS)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(people.Person.signs_up, crowd))

    with under_load([newcomer("amara"), newcomer("bela")]) as answered:
        took = [ban_and_watch(head_of_house, person, places) for person in crowd]

    rows = {path: sorted(one[path] * 1000 for one in took) for path in places.ALL}
    worst = sorted(max(one.values()) * 1000 for one in took)
    lines = [f"{BANS} bans under load, identity {market.identity}: milliseconds from the answer to the ban until 401"]
    for path, times in {**rows, "everywhere": worst}.items():
        lines += [f"  {path:<18} p50 {statistics.median(times):6.1f}  p99 {p99(times):6.1f}  max {times[-1]:6.1f}"]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, f"  meanwhile {sum(answered)} other requests were answered", ""]))
    assert p99(worst) < 1000
    assert sum(answered) > BANS


def ban_and_watch(staff, person, places):
    token = places.token(person)
    bans(staff, person)
    took = places.wait_until_refused(token)
    person.http.close()
    return took


def p99(times):
    return statistics.quantiles(times, n=100, method="inclusive")[98]


@contextlib.contextmanager
def under_load(people_):
    """Everybody looks and looks while the block lasts; gives the numbers of answers, and insists that all were good."""
    over, answered, wrong = threading.Event(), [0] * len(people_), []

    def look(number, person):
        while not over.is_set():
            for path in watch.APIS:
                status = person.http.get(path).status_code
                answered[number] += 1
                if status != 200:
                    wrong.append((path, status))

    threads = [threading.Thread(target=look, args=pair) for pair in enumerate(people_)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == []
