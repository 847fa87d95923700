import io

import pytest
from django.core.management import CommandError, call_command

from auth_service.users import commands, models
from shared import clock, ids


def run(*line):
    out = io.StringIO()
    call_command(*line, stdout=out)
    return out.getvalue()


class TestBan:
    def test_refuses_every_session_at_once(self, elsinore):
        first, second = elsinore.sign_up(), elsinore.client()
        elsinore.sign_in(browser=second)
        bearer = {"Authorization": f"Bearer {first.cookies['access_token'].value}"}

        commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

        assert elsinore.current_user(first) is None
        assert elsinore.current_user(second) is None
        assert elsinore.client().get("/api/users/currentuser", headers=bearer).status_code == 401
        assert elsinore.post(first, "refresh").status_code == 401

    def test_tells_the_other_services(self, elsinore):
        elsinore.sign_up()

        commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

        (event,) = elsinore.said("user.banned")
        assert (event.aggregate_version, event.data["active"]) == (1, False)
        assert event.data["tokensValidAfter"] > "2020"

    def test_also_ends_tokens_issued_after_it_took_its_time(self, elsinore):
        """A ban that waited for a sign-in to commit carries an earlier time than that sign-in's token."""
        before = clock.now()
        browser = elsinore.sign_up()

        commands.ban_user(user_id=elsinore.user().pk, now=before)
        commands.reinstate_user(user_id=elsinore.user().pk)

        assert elsinore.current_user(browser) is None

    def test_twice_is_refused(self, elsinore):
        elsinore.sign_up()
        commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

        with pytest.raises(models.NotActive):
            commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

    def test_of_nobody_is_refused(self, elsinore):
        with pytest.raises(commands.UnknownUser):
            commands.ban_user(user_id=ids.new(), now=clock.now())


class TestReinstate:
    def test_lets_the_user_sign_in_again_but_brings_no_session_back(self, elsinore):
        browser = elsinore.sign_up()
        commands.ban_user(user_id=elsinore.user().pk, now=clock.now())

        commands.reinstate_user(user_id=elsinore.user().pk)

        assert elsinore.current_user(browser) is None
        assert elsinore.post(browser, "refresh").status_code == 401
        again = elsinore.client()
        assert elsinore.sign_in(browser=again).status_code == 200
        assert elsinore.current_user(again) is not None
        assert [event.aggregate_version for event in elsinore.said() if event.subject == str(elsinore.user().pk)] == [
            0,
            1,
            2,
        ]

    def test_of_somebody_who_is_not_banned_is_refused(self, elsinore):
        elsinore.sign_up()

        with pytest.raises(models.NotBanned):
            commands.reinstate_user(user_id=elsinore.user().pk)


class TestClose:
    def test_erases_who_it_was_and_ends_everything(self, elsinore):
        browser = elsinore.sign_up()
        user_id = elsinore.user().pk

        commands.close_user(user_id=user_id, now=clock.now())

        user = models.User.objects.get(pk=user_id)
        assert (user.email, user.password, user.active) == (None, "", False)
        assert elsinore.current_user(browser) is None
        (event,) = elsinore.said("user.closed")
        assert (event.data["email"], event.data["active"]) == (None, False)

    def test_frees_the_address(self, elsinore):
        elsinore.sign_up()
        commands.close_user(user_id=elsinore.user().pk, now=clock.now())

        elsinore.sign_up()

        assert elsinore.user().active

    def test_is_for_ever(self, elsinore):
        elsinore.sign_up()
        user_id = elsinore.user().pk
        commands.close_user(user_id=user_id, now=clock.now())

        with pytest.raises(models.NotBanned):
            commands.reinstate_user(user_id=user_id)
        with pytest.raises(models.NotActive):
            commands.close_user(user_id=user_id, now=clock.now())


class TestRoles:
    def test_are_told_to_the_other_services(self, elsinore):
        elsinore.sign_up()

        commands.set_roles(user_id=elsinore.user().pk, roles=["support", "finance"], by=None)

        (event,) = elsinore.said("user.updated")
        assert (event.data["roles"], event.aggregate_version) == (["finance", "support"], 1)

    def test_unchanged_are_not_news(self, elsinore):
        elsinore.sign_up()

        commands.set_roles(user_id=elsinore.user().pk, roles=[], by=None)

        assert not elsinore.said("user.updated")

    def test_that_do_not_exist_are_refused(self, elsinore):
        elsinore.sign_up()

        with pytest.raises(models.UnknownRole):
            commands.set_roles(user_id=elsinore.user().pk, roles=["king"], by=None)

    def test_nobody_changes_his_own(self, elsinore):
        elsinore.sign_up()

        with pytest.raises(commands.OwnRoles):
            commands.set_roles(user_id=elsinore.user().pk, roles=["admin"], by=elsinore.user())

    def test_the_last_admin_stays(self, elsinore):
        elsinore.sign_up()
        elsinore.sign_up(elsinore.OPHELIA)
        commands.set_roles(user_id=elsinore.user().pk, roles=["admin"], by=None)

        with pytest.raises(commands.LastAdmin):
            commands.set_roles(user_id=elsinore.user().pk, roles=[], by=None)

        commands.set_roles(user_id=elsinore.user(elsinore.OPHELIA).pk, roles=["admin"], by=None)
        assert commands.set_roles(user_id=elsinore.user().pk, roles=[], by=None).roles == []


class TestMakeStaff:
    def test_makes_an_account(self, elsinore, monkeypatch):
        monkeypatch.setenv("STAFF_PASSWORD", elsinore.PASSWORD)

        assert "administrator" in run("make_staff", elsinore.HAMLET)

        browser = elsinore.client()
        assert elsinore.sign_in(browser=browser).status_code == 200
        assert elsinore.current_user(browser)["roles"] == ["admin"]
        assert [event.type for event in elsinore.said()][-2:] == ["user.registered", "user.updated"]

    def test_raises_an_existing_account_and_gives_it_the_password(self, elsinore, monkeypatch):
        squatter = elsinore.sign_up()
        monkeypatch.setenv("STAFF_PASSWORD", "something-rotten")

        run("make_staff", elsinore.HAMLET.upper())

        assert elsinore.current_user(squatter) is None
        assert elsinore.post(squatter, "refresh").status_code == 401
        assert elsinore.sign_in(password="something-rotten").status_code == 200
        assert elsinore.user().roles == ["admin"]

    def test_can_be_repeated(self, elsinore, monkeypatch):
        monkeypatch.setenv("STAFF_PASSWORD", elsinore.PASSWORD)

        run("make_staff", elsinore.HAMLET)
        run("make_staff", elsinore.HAMLET)

        assert elsinore.user().roles == ["admin"]

    def test_refuses_a_common_password(self, elsinore, monkeypatch):
        monkeypatch.setenv("STAFF_PASSWORD", "password1")

        with pytest.raises(CommandError, match="common"):
            run("make_staff", elsinore.HAMLET)


class TestCommandsForTheMachine:
    def test_ban_and_reinstate_by_address(self, elsinore):
        elsinore.sign_up()

        run("ban", elsinore.HAMLET)
        assert elsinore.sign_in().status_code == 400

        run("reinstate", elsinore.HAMLET)
        assert elsinore.sign_in().status_code == 200

    @pytest.mark.parametrize("command", ["ban", "reinstate"])
    def test_nobody_is_an_error(self, elsinore, command):
        with pytest.raises(CommandError, match="no account"):
            run(command, "yorick@elsinore.dk")

    def test_a_refusal_is_an_error(self, elsinore):
        elsinore.sign_up()

        with pytest.raises(CommandError, match="not banned"):
            run("reinstate", elsinore.HAMLET)
