"""What staff may ask of people and do to them, over HTTP."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

from auth_service.users import commands, queries
from shared import clock, ids
from shared.identity import actions
from shared.testing import callers
from tests.auth import world

CLAUDIUS, GERTRUDE = "claudius@elsinore.dk", "gertrude@elsinore.dk"
EVERY_ROLE = ["admin", "finance", "moderator", "support"]


def having(email, *roles):
    """A browser in which somebody with these roles has signed in."""
    browser = world.sign_up(email)
    commands.set_roles(user_id=world.user(email).pk, roles=roles, by=None)
    return browser


@pytest.fixture
def king(elsinore):
    return having(CLAUDIUS, "admin")


@pytest.fixture
def queen(elsinore):
    return having(GERTRUDE, "moderator")


@pytest.fixture
def hamlet(elsinore):
    elsinore.sign_up()
    return elsinore.user()


def ban(browser, user, **body):
    return world.post(browser, f"{user.pk}/ban", body)


def reinstate(browser, user, **headers):
    return browser.delete(f"/api/users/{user.pk}/ban", headers=headers)


def give(browser, user, roles, **headers):
    path, body = f"/api/users/{user.pk}/roles", {"roles": roles}
    return browser.put(path, body, content_type="application/json", headers=headers)


def deeds():
    """What the log of staff's actions tells, oldest first: who, to whom, what and why."""
    entries = LogEntry.objects.order_by("pk")
    return [(entry.user.email, entry.object_id, *vars(actions.read(entry)).values()) for entry in entries]


class TestBan:
    @pytest.mark.parametrize("role", ["admin", "moderator"])
    def test_refuses_somebody_everywhere_and_says_who_did_it_and_why(self, elsinore, role):
        victim, browser = elsinore.sign_up(), having(CLAUDIUS, role)

        answer = ban(browser, elsinore.user(), reason="too much in the sun")

        assert (answer.status_code, answer.content) == (204, b"")
        assert elsinore.current_user(victim) is None
        assert elsinore.user().ban_reason == "too much in the sun"
        assert len(elsinore.said("user.banned")) == 1
        assert deeds() == [(CLAUDIUS, str(elsinore.user().pk), "banned", "too much in the sun")]

    def test_needs_no_reason_and_no_body(self, king, hamlet):
        answer = king.post(f"/api/users/{hamlet.pk}/ban", content_type="application/json")

        assert answer.status_code == 204
        assert not world.user().active

    @pytest.mark.parametrize("reason", [7, None, ["mad"], "x" * 501, "a\x00b"])
    def test_with_no_proper_reason_is_refused(self, king, hamlet, reason):
        assert ban(king, hamlet, reason=reason).status_code == 400
        assert world.user().active

    @pytest.mark.parametrize("roles", [[], ["support"], ["finance"]])
    def test_is_not_for_others(self, elsinore, hamlet, roles):
        browser = having(elsinore.OPHELIA, *roles)

        callers.problem(ban(browser, hamlet), 403)
        callers.problem(reinstate(browser, hamlet), 403)
        assert elsinore.user().active

    def test_is_not_for_nobody(self, elsinore, hamlet):
        callers.problem(ban(elsinore.client(), hamlet), 401)
        callers.problem(reinstate(elsinore.client(), hamlet), 401)

    @pytest.mark.parametrize("user_id", [str(ids.new()), "hamlet", "0"])
    def test_of_nobody_is_a_404(self, king, user_id):
        callers.problem(world.post(king, f"{user_id}/ban"), 404)
        callers.problem(king.delete(f"/api/users/{user_id}/ban"), 404)

    @pytest.mark.parametrize("role", ["admin", "moderator"])
    def test_of_oneself_is_refused(self, elsinore, role):
        browser = having(CLAUDIUS, role)

        callers.problem(ban(browser, elsinore.user(CLAUDIUS)), 403)
        assert elsinore.user(CLAUDIUS).active

    def test_of_an_administrator_is_the_business_of_administrators(self, king, queen, hamlet):
        commands.set_roles(user_id=hamlet.pk, roles=["admin", "support"], by=None)

        callers.problem(ban(queen, hamlet), 403)
        assert ban(king, hamlet).status_code == 204
        callers.problem(reinstate(queen, hamlet), 403)
        assert reinstate(king, hamlet).status_code == 204

    def test_twice_is_a_conflict_and_keeps_the_first_reason(self, king, queen, hamlet):
        ban(king, hamlet, reason="first")

        assert callers.code(ban(queen, hamlet, reason="second"), 409) == "not_active"
        assert world.user().ban_reason == "first"
        assert len(deeds()) == 1

    def test_by_somebody_who_was_banned_a_moment_ago_is_refused(self, king, queen, hamlet):
        ban(king, world.user(GERTRUDE))

        callers.problem(ban(queen, hamlet), 401)

    def test_by_somebody_who_lost_his_role_a_moment_ago_is_refused(self, king, queen, hamlet):
        give(king, world.user(GERTRUDE), [])

        callers.problem(ban(queen, hamlet), 403)

    def test_from_another_site_is_refused(self, king, hamlet):
        answer = world.post(king, f"{hamlet.pk}/ban", **{"Sec-Fetch-Site": "cross-site"})

        assert callers.code(answer, 403) == "cross_site"


class TestReinstate:
    def test_lets_somebody_sign_in_again(self, elsinore, queen, hamlet):
        ban(queen, hamlet, reason="mistaken for Fortinbras")

        assert reinstate(queen, hamlet).status_code == 204

        assert elsinore.sign_in().status_code == 200
        assert elsinore.user().ban_reason == ""
        assert [(what, why) for *_, what, why in deeds()] == [("banned", "mistaken for Fortinbras"), ("reinstated", "")]

    def test_of_somebody_who_is_not_banned_is_a_conflict(self, queen, hamlet):
        assert callers.code(reinstate(queen, hamlet), 409) == "not_banned"

    def test_holds_to_what_was_seen(self, queen, hamlet):
        ban(queen, hamlet)

        assert reinstate(queen, hamlet, **{"If-Match": '"0"'}).status_code == 412
        assert reinstate(queen, hamlet, **{"If-Match": '"1"'}).status_code == 204


class TestRoles:
    def test_are_given_and_told(self, elsinore, king, hamlet):
        answer = give(king, hamlet, ["support", "finance", "support"])

        assert answer.status_code == 200
        assert (answer.json()["roles"], answer["ETag"]) == (["finance", "support"], '"1"')
        assert elsinore.said("user.updated")[-1].data["roles"] == ["finance", "support"]
        assert deeds() == [(CLAUDIUS, str(hamlet.pk), "roles: finance, support", "")]

    def test_can_all_be_taken_away(self, king, queen):
        assert give(king, world.user(GERTRUDE), []).json()["roles"] == []

        assert deeds()[-1][2] == "roles: none"

    def test_that_one_has_already_are_no_news(self, king, queen):
        said = len(world.said())

        assert give(king, world.user(GERTRUDE), ["moderator"]).status_code == 200
        assert (len(world.said()), deeds()) == (said, [])

    @pytest.mark.parametrize("roles", [["king"], "admin", None, {"admin": True}, [None], [["admin"]], ["admin"] * 5])
    def test_that_do_not_exist_are_refused(self, king, hamlet, roles):
        callers.problem(give(king, hamlet, roles), 400)

    def test_have_to_be_said(self, king, hamlet):
        answer = king.put(f"/api/users/{hamlet.pk}/roles", {}, content_type="application/json")

        assert callers.blamed(answer) == {"roles"}

    @pytest.mark.parametrize("roles", [[], ["support"], ["finance"], ["moderator"]])
    def test_are_given_by_administrators_alone(self, elsinore, hamlet, roles):
        callers.problem(give(having(elsinore.OPHELIA, *roles), hamlet, ["admin"]), 403)

    def test_are_not_given_by_nobody(self, elsinore, hamlet):
        callers.problem(give(elsinore.client(), hamlet, ["admin"]), 401)

    def test_nobody_changes_his_own(self, king):
        callers.problem(give(king, world.user(CLAUDIUS), ["admin", "finance"]), 403)

    @pytest.mark.parametrize("user_id", [str(ids.new()), "hamlet"])
    def test_of_nobody_are_a_404(self, king, user_id):
        path = f"/api/users/{user_id}/roles"

        callers.problem(king.put(path, {"roles": []}, content_type="application/json"), 404)

    def test_of_somebody_banned_are_a_conflict(self, king, hamlet):
        ban(king, hamlet)

        assert callers.code(give(king, hamlet, ["support"]), 409) == "not_active"

    def test_hold_to_what_was_seen(self, king, hamlet):
        assert give(king, hamlet, ["support"], **{"If-Match": '"7"'}).status_code == 412
        assert give(king, hamlet, ["support"], **{"If-Match": '"0"'}).status_code == 200

    def test_count_from_the_next_request_on(self, elsinore, king):
        browser = elsinore.sign_up()
        assert browser.get("/api/users").status_code == 403

        give(king, elsinore.user(), ["support"])

        assert browser.get("/api/users").status_code == 200


class TestPeople:
    @pytest.mark.parametrize("role", EVERY_ROLE)
    def test_are_shown_to_staff_of_any_role(self, elsinore, hamlet, role):
        answer = having(elsinore.OPHELIA, role).get("/api/users")

        assert [person["email"] for person in answer.json()] == [elsinore.OPHELIA, elsinore.HAMLET]

    @pytest.mark.parametrize("path", ["/api/users", "/api/users/{}"])
    def test_are_shown_to_nobody_else(self, elsinore, hamlet, path):
        path = path.format(hamlet.pk)

        callers.problem(elsinore.sign_up(elsinore.OPHELIA).get(path), 403)
        callers.problem(elsinore.client().get(path), 401)

    def test_are_shown_with_what_staff_has_to_know_and_no_secret(self, king, hamlet):
        ban(king, hamlet, reason="mad north-north-west")

        person = king.get(f"/api/users/{hamlet.pk}").json()

        assert set(person) == {
            "id", "email", "roles", "active", "createdAt", "bannedAt", "banReason", "closedAt", "version"
        }  # fmt: skip
        assert (person["active"], person["banReason"]) == (False, "mad north-north-west")
        assert person["bannedAt"] > person["createdAt"]

    def test_that_have_left_are_shown_without_their_address(self, king, hamlet):
        ban(king, hamlet, reason="hamlet@elsinore.dk is rude")
        commands.close_user(user_id=hamlet.pk, now=clock.now())

        person = king.get(f"/api/users/{hamlet.pk}").json()

        assert (person["email"], person["banReason"]) == (None, "")
        assert person["closedAt"]

    def test_come_with_the_tag_that_their_changes_ask_for(self, king, hamlet):
        answer = king.get(f"/api/users/{hamlet.pk}")

        assert answer["ETag"] == '"0"'
        assert give(king, hamlet, ["support"], **{"If-Match": answer["ETag"]}).status_code == 200

    @pytest.mark.parametrize("user_id", [str(ids.new()), "hamlet", "1"])
    def test_that_do_not_exist_are_a_404(self, king, user_id):
        callers.problem(king.get(f"/api/users/{user_id}"), 404)

    def test_come_in_pages_the_newest_first(self, elsinore, king):
        for number in range(5):
            elsinore.sign_up(f"player{number}@elsinore.dk")

        first = king.get("/api/users?limit=4")
        rest = king.get(next_page(first))

        assert emails(first) == [f"player{number}@elsinore.dk" for number in (4, 3, 2, 1)]
        assert emails(rest) == ["player0@elsinore.dk", CLAUDIUS]
        assert "Link" not in rest

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=forged", "active=maybe", "role=king", "q=%00"])
    def test_are_not_asked_for_in_a_way_that_makes_no_sense(self, king, query):
        callers.problem(king.get(f"/api/users?{query}"), 400)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=ham", [world.HAMLET]),
            ("q=HAMLET@", [world.HAMLET]),
            ("q=amlet", []),
            ("q=%25", []),
            ("q=%20ham", [world.HAMLET]),
            ("q=_amlet", []),
            ("active=false", [world.HAMLET]),
            ("active=true", [world.OPHELIA, CLAUDIUS]),
            ("role=admin", [CLAUDIUS]),
            ("role=support", []),
            ("role=admin&active=false", []),
            ("q=o&active=true", [world.OPHELIA]),
        ],
    )
    def test_are_found_by_address_state_and_role(self, elsinore, king, hamlet, query, found):
        elsinore.sign_up(elsinore.OPHELIA)
        ban(king, hamlet)

        assert emails(king.get(f"/api/users?{query}")) == found

    def test_are_counted_in_the_same_few_queries_however_many(self, elsinore, king, django_assert_num_queries):
        for number in range(10):
            elsinore.sign_up(f"player{number}@elsinore.dk")

        for limit in (2, 11):
            with django_assert_num_queries(2):  # who is asking, and the page
                king.get(f"/api/users?limit={limit}")

    @pytest.mark.parametrize(
        ("people", "index"),
        [
            (lambda: queries.people().whose_email_begins("ham"), "user_email_prefix"),
            (lambda: queries.people().order_by("-created_at", "-id")[:50], "user_newest"),
        ],
    )
    def test_are_found_by_an_index(self, db, people, index):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            # Where letters sort by their bytes, the index that keeps addresses unique serves as well.
            cursor.execute("ALTER TABLE users_user DROP CONSTRAINT IF EXISTS email_in_use")
            cursor.execute("DROP INDEX IF EXISTS email_in_use")

        assert index in people().explain()


def emails(answer):
    assert answer.status_code == 200, answer.content
    return [person["email"] for person in answer.json()]


def next_page(answer):
    address, _, relation = answer["Link"].partition(">; ")
    assert relation == 'rel="next"'
    return address.removeprefix("<http://testserver")
