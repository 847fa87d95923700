"""What staff does to people and keys on the pages of auth's admin."""

import pytest

from auth_service.users import commands, models
from shared import clock
from shared.testing import staff

WHY = "there is something rotten"
USERS, SESSIONS = "users/user/", "users/session/"


@pytest.fixture
def enter(elsinore):
    """`enter("moderator")`: the browser of somebody with that role."""

    def browser(role):
        address = f"{role}@elsinore.dk"
        commands.make_staff(email=address, password=elsinore.PASSWORD, now=clock.now())
        commands.make_staff(email="fortinbras@norway.no", password=elsinore.PASSWORD, now=clock.now())
        commands.set_roles(user_id=elsinore.user(address).pk, roles=[role], by=None)
        client = elsinore.client()
        assert elsinore.sign_in(address, browser=client).status_code == 200
        return staff.Browser(client)

    return browser


@pytest.fixture
def hamlet(elsinore):
    elsinore.sign_up()
    return elsinore.user()


class TestAUser:
    def test_is_shown_with_the_sessions_that_live_and_no_other(self, enter, hamlet, elsinore):
        elsinore.sign_in(browser=elsinore.client(**{"User-Agent": "Wittenberg/1"}))
        commands.sign_out(session_id=elsinore.session().pk, refresh_token=None, now=clock.now())
        elsinore.sign_in(browser=elsinore.client(**{"User-Agent": "Helsingor/2"}))

        page = enter("support").look_at(hamlet)

        assert "Helsingor/2" in page
        assert "Wittenberg/1" not in page
        assert 'type="checkbox"' not in page

    def test_costs_as_many_questions_with_many_sessions_as_with_one(self, enter, hamlet, elsinore, request):
        asked = request.getfixturevalue("django_assert_max_num_queries")
        for _ in range(8):
            elsinore.sign_in(browser=elsinore.client())
        support = enter("support")

        with asked(8):
            support.look_at(hamlet)

    def test_is_shown_with_what_was_said_of_him(self, enter, hamlet):
        commands.ban_user(user_id=hamlet.pk, now=clock.now())

        page = enter("support").look_at(hamlet)

        assert page.index(">user.registered<") < page.index(">user.banned<")
        assert f'/admin/orders/orders/order/?q={hamlet.pk}"' in page

    @pytest.mark.parametrize("path", [USERS, SESSIONS])
    def test_and_others_are_listed_with_few_questions(self, enter, elsinore, django_assert_max_num_queries, path):
        support = enter("support")
        for number in range(12):
            elsinore.sign_up(f"player{number}@elsinore.dk")

        with django_assert_max_num_queries(10):
            support.look(path)

    @pytest.mark.parametrize("query", [{"active__exact": "0"}, {"banned_at__isempty": "0"}])
    def test_is_found_by_what_he_is(self, enter, hamlet, elsinore, query):
        elsinore.sign_up(elsinore.OPHELIA)
        commands.ban_user(user_id=hamlet.pk, now=clock.now())

        page = enter("support").look(USERS, **query)

        assert elsinore.HAMLET in page
        assert elsinore.OPHELIA not in page


class TestRoles:
    def test_are_asked_for_with_the_reason(self, enter, hamlet):
        page = staff.text_of(enter("admin").ask("set_roles", hamlet))

        for role in models.ROLES:
            assert f'name="roles" value="{role}"' in page

    def test_are_given_as_asked_and_told(self, enter, hamlet, elsinore):
        enter("admin").ask("set_roles", hamlet, reason=WHY, roles=["support", "finance"])

        hamlet.refresh_from_db()
        assert hamlet.roles == ["finance", "support"]
        assert elsinore.said("user.updated")[-1].data["roles"] == ["finance", "support"]
        assert staff.deeds() == [("roles: finance, support", WHY, str(hamlet.pk))]

    def test_can_be_taken_all(self, enter, hamlet):
        commands.set_roles(user_id=hamlet.pk, roles=["support"], by=None)

        enter("admin").ask("set_roles", hamlet, reason=WHY)

        hamlet.refresh_from_db()
        assert hamlet.roles == []

    def test_that_do_not_exist_are_not_given(self, enter, hamlet):
        page = staff.text_of(enter("admin").ask("set_roles", hamlet, reason=WHY, roles=["king"]))

        assert "errorlist" in page
        assert staff.deeds() == []

    def test_of_oneself_are_not_changed(self, enter, elsinore):
        admin = enter("admin")

        page = staff.text_of(admin.ask("set_roles", elsinore.user("admin@elsinore.dk"), reason=WHY))

        assert "Nobody changes his own roles." in page
        assert elsinore.user("admin@elsinore.dk").roles == ["admin"]


class TestRights:
    @pytest.mark.parametrize(
        ("role", "offered"),
        [
            ("support", set()),
            ("finance", set()),
            ("moderator", {"ban", "reinstate"}),
            ("admin", {"ban", "reinstate", "set_roles"}),
        ],
    )
    def test_over_people_are_those_of_moderators_and_administrators(self, enter, hamlet, role, offered):
        browser = enter(role)

        assert browser.offered(hamlet) == offered
        browser.ask("ban", hamlet, reason=WHY)
        browser.ask("set_roles", hamlet, reason=WHY, roles=["finance"])

        hamlet.refresh_from_db()
        assert hamlet.active is ("ban" not in offered)
        assert hamlet.roles == []

    @pytest.mark.parametrize("role", staff.ROLES)
    def test_over_keys_are_those_of_administrators(self, enter, role):
        key, browser = models.SigningKey.current(), enter(role)

        assert browser.offered(key) == ({"rotate", "revoke"} if role == "admin" else set())
        browser.ask("revoke", key, reason=WHY, follow=False)

        key.refresh_from_db()
        assert (key.status == "retired") is (role == "admin")


class TestKeys:
    def test_are_rotated_once_they_are_known_everywhere(self, enter, settings):
        key, admin = models.SigningKey.current(), enter("admin")

        assert "may not be known everywhere yet" in staff.text_of(admin.ask("rotate", key, reason=WHY))
        settings.SIGNING_KEY_LEAD *= 0
        admin.ask("rotate", key, reason=WHY)

        key.refresh_from_db()
        assert key.status == "previous"
        assert staff.deeds() == [("rotated", WHY, key.pk)]

    def test_are_not_rotated_twice_by_two_who_look_at_the_same_one(self, enter, settings):
        settings.SIGNING_KEY_LEAD *= 0
        key, admin = models.SigningKey.current(), enter("admin")
        admin.ask("rotate", key, reason=WHY)

        page = staff.text_of(admin.ask("rotate", key, reason=WHY))

        assert "A signing key that is previous cannot be rotated." in page
        assert len(staff.deeds()) == 1

    def test_are_revoked_with_all_that_they_have_signed(self, enter, elsinore):
        key, admin = models.SigningKey.current(), enter("admin")

        admin.ask("revoke", key, reason=WHY, follow=False)

        assert elsinore.current_user(admin.client) is None, "the access token of whoever did it is refused, too"
        assert elsinore.post(admin.client, "refresh").status_code == 200
        assert staff.deeds() == [("revoked", WHY, key.pk)]
        assert [event.data for event in elsinore.said("signing_key.retired")] == [{"kid": key.pk}]


class TestAnOpenPage:
    def test_is_shut_to_whoever_is_banned_meanwhile(self, enter, hamlet, elsinore):
        moderator = enter("moderator")
        assert 'name="reason"' in staff.text_of(moderator.ask("ban", hamlet))

        commands.ban_user(user_id=elsinore.user("moderator@elsinore.dk").pk, now=clock.now())

        assert moderator.ask("ban", hamlet, reason=WHY).status_code == 401
        hamlet.refresh_from_db()
        assert hamlet.active

    def test_is_shut_to_whoever_is_demoted_meanwhile(self, enter, hamlet, elsinore):
        moderator = enter("moderator")
        moderator.ask("ban", hamlet)

        commands.set_roles(user_id=elsinore.user("moderator@elsinore.dk").pk, roles=[], by=None)

        assert moderator.ask("ban", hamlet, reason=WHY).status_code == 403
        hamlet.refresh_from_db()
        assert hamlet.active


class TestTheAddressOfAList:
    @pytest.mark.parametrize(
        "asked",
        ["password__startswith=$argon2id", "password=x", "email__regex=(", "active__regex=(", "sessions__agent=x",
         "id__startswith=0"],
    )  # fmt: skip
    def test_asks_about_nothing_that_no_filter_of_the_page_asks(self, enter, hamlet, asked):
        assert enter("support").client.get(f"/admin/auth/{USERS}?{asked}").status_code == 400

    def test_asks_what_a_filter_asks(self, enter, hamlet):
        page = enter("support").client.get(f"/admin/auth/{USERS}?active__exact=0")

        assert page.status_code == 200
        assert "hamlet@elsinore.dk" not in page.content.decode()
