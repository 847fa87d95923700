"""What happens at once. Each race has a control in which the guard is taken away and the same test sees the damage."""

import concurrent.futures
import functools
import threading
from unittest import mock

import pytest
from django.db import OperationalError, connection, connections, transaction

from auth_service.users import commands, models
from auth_service.users.commands import erasure, keys, mail, people, staff
from shared import clock, errors
from shared.identity import copies
from shared.testing import races

PARALLEL = 30


def at_once(action, times):
    """Run `action` in that many threads that start together; their answers."""
    gate = threading.Barrier(times)

    def run():
        gate.wait(timeout=20)
        try:
            return action()
        finally:
            connections.close_all()

    with concurrent.futures.ThreadPoolExecutor(times) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run) for _ in range(times)]]


def refresh_at_once(elsinore):
    """Thirty refreshes of one token: all answers, the session's generation, and the different tokens handed out."""
    token = elsinore.refresh_token(elsinore.sign_up())

    answers = at_once(lambda: elsinore.post(elsinore.client(), "refresh", {"refresh": token}), PARALLEL)

    granted = [answer for answer in answers if answer.status_code == 200]
    tokens = {answer.cookies["refresh_token"].value for answer in granted}
    return {answer.status_code for answer in answers}, elsinore.session().generation, tokens


def read_then_write(*, family, generation, agent, now):
    """The rotation as one writes it without thinking of a second caller."""
    session = models.Session.objects.filter(pk=family, generation=generation, revoked_at=None).first()
    if session is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.05)")  # what a busy database does by itself now and then
        cursor.execute(
            "UPDATE users_session SET generation = generation + 1, rotated_at = %s WHERE id = %s", [now, family]
        )
    session.refresh_from_db()
    return session


class TestParallelRefreshes:
    def test_of_one_token_are_one_lineage(self, live_elsinore):
        statuses, generation, tokens = refresh_at_once(live_elsinore)

        assert statuses == {200}
        assert generation == 1
        assert len(tokens) == 1

    def test_control_reading_before_writing_makes_many(self, live_elsinore):
        with mock.patch.object(models.Session, "rotate", read_then_write):
            _, generation, tokens = refresh_at_once(live_elsinore)

        assert generation > 1
        assert len(tokens) > 1


def sign_up_at_once(elsinore, times=10):
    return at_once(
        lambda: (
            elsinore.post(
                elsinore.client(), "signup", {"email": elsinore.HAMLET, "password": elsinore.PASSWORD}
            ).status_code
        ),
        times,
    )


@pytest.fixture
def without_the_constraint(live_elsinore):
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX email_in_use")
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE users_user CASCADE")
        cursor.execute("CREATE UNIQUE INDEX email_in_use ON users_user (lower(email))")


class TestParallelSignUps:
    def test_of_one_address_make_one_account_and_no_5xx(self, live_elsinore):
        # With nobody ever found beforehand only the constraint decides.
        with mock.patch.object(models.User, "with_email", return_value=None):
            answers = sign_up_at_once(live_elsinore)

        assert sorted(answers) == [201] + [400] * 9
        assert models.User.objects.count() == 1

    def test_control_without_the_constraint_make_several(self, live_elsinore, without_the_constraint):
        with mock.patch.object(models.User, "with_email", return_value=None):
            sign_up_at_once(live_elsinore)

        assert models.User.objects.count() > 1


def sign_in_while_banned(elsinore):
    """A ban that begins while sign-ins are under way; the access tokens that were handed out."""
    user_id = elsinore.user().pk
    gate = threading.Barrier(9)
    kept = []

    def sign_in():
        gate.wait(timeout=20)
        answer = elsinore.sign_in()
        if answer.status_code == 200:
            kept.append(answer.cookies["access_token"].value)
        connections.close_all()

    def ban():
        now = clock.now()
        gate.wait(timeout=20)
        commands.ban_user(user_id=user_id, now=now)
        connections.close_all()

    threads = [threading.Thread(target=sign_in) for _ in range(8)] + [threading.Thread(target=ban)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return kept


class TestABanAmongSignIns:
    def test_leaves_no_token_that_counts_not_even_after_a_reinstatement(self, live_elsinore):
        live_elsinore.sign_up()

        tokens = sign_in_while_banned(live_elsinore)
        commands.reinstate_user(user_id=live_elsinore.user().pk)

        for token in tokens:
            bearer = {"Authorization": f"Bearer {token}"}
            assert live_elsinore.client().get("/api/users/currentuser", headers=bearer).status_code == 401
        assert not models.Session.objects.filter(revoked_at=None).exists()


def two_admins(elsinore):
    return [
        commands.make_staff(email=email, password=elsinore.PASSWORD, now=clock.now())
        for email in (elsinore.HAMLET, elsinore.OPHELIA)
    ]


def admins_left():
    return models.User.objects.filter(active=True, roles=["admin"]).count()


def outcome(command, **arguments):
    try:
        command(**arguments)
    except errors.DomainError as refusal:
        return type(refusal).__name__
    return "done"


def ban_each_other(elsinore):
    pair = two_admins(elsinore)
    return races.at_once(
        *(
            functools.partial(outcome, commands.ban_user, user_id=of.pk, by=by, now=clock.now())
            for by, of in (pair, reversed(pair))
        )
    )


def locked_as_they_come(user_id, by, *_roles):
    """Only whom it is done to; who does it is locked at last, by the foreign key of the log."""
    user = models.User.locked(user_id)
    linger()
    return user, by


def linger():
    """What a busy machine does by itself now and then."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")


class TestTwoAdministratorsWhoBanEachOther:
    def test_are_one_in_the_end(self, live_elsinore):
        assert sorted(ban_each_other(live_elsinore)) == ["NotAnyMore", "done"]
        assert admins_left() == 1

    def test_control_locked_as_they_come_they_lock_each_other_out(self, live_elsinore):
        with (
            mock.patch.object(staff, "_locked", locked_as_they_come),
            pytest.raises(OperationalError, match="deadlock"),
        ):
            ban_each_other(live_elsinore)


def demote_both(elsinore):
    """From two terminals of the machine."""
    return races.at_once(
        *(
            functools.partial(outcome, commands.set_roles, user_id=user.pk, roles=[], by=None)
            for user in two_admins(elsinore)
        )
    )


KEEP_AN_ADMIN = people.keep_an_admin


def keep_an_admin_slowly(user):
    KEEP_AN_ADMIN(user)
    linger()


class TestTheLastTwoAdministratorsDemotedAtOnce:
    @pytest.fixture(autouse=True)
    def slow(self, monkeypatch):
        monkeypatch.setattr(people, "keep_an_admin", keep_an_admin_slowly)

    def test_leave_one(self, live_elsinore):
        assert sorted(demote_both(live_elsinore)) == ["LastAdmin", "done"]
        assert admins_left() == 1

    def test_control_without_the_lock_leave_none(self, live_elsinore):
        with mock.patch.object(people, "hold_admins"):
            demote_both(live_elsinore)

        assert admins_left() == 0


ERASE = erasure.erase


def erase_after_a_while(user, *, email):
    """Closes an account while the worker has the time to come to what was asked for its address."""
    linger()
    ERASE(user, email=email)


def answer_with_the_request_first(now):
    """As one writes it without thinking of who closes the account: first take the request, then look whose it is."""
    with transaction.atomic():
        request = models.ResetRequest.objects.select_for_update().first()
        linger()
        people.locked(models.User.with_email(request.email).pk)
        request.delete()
    return False


def close_while_a_reset_is_answered(elsinore):
    elsinore.sign_up()
    user_id = elsinore.user().pk
    commands.request_password_reset(email=elsinore.HAMLET, now=clock.now())
    with mock.patch.object(erasure, "erase", erase_after_a_while):
        races.at_once(
            lambda: commands.close_user(user_id=user_id, now=clock.now()),
            lambda: commands.answer_reset_requests(most=5, now=clock.now()),
        )


class TestClosingWhileAResetIsAnswered:
    def test_both_come_to_an_end_and_nothing_of_the_address_stays(self, live_elsinore):
        close_while_a_reset_is_answered(live_elsinore)

        assert not models.ResetRequest.objects.exists()
        assert not models.User.objects.exclude(email=None).exists()

    def test_control_with_the_request_locked_first_they_lock_each_other_out(self, live_elsinore):
        with (
            mock.patch.object(mail, "_answer_one", answer_with_the_request_first),
            pytest.raises(OperationalError, match="deadlock"),
        ):
            close_while_a_reset_is_answered(live_elsinore)


CHANGED = copies.changed


def changed_slowly():
    CHANGED()
    linger()


def end_his_sessions_after_a_while(admin):
    with transaction.atomic():
        people.locked(admin.pk)
        linger()
        CHANGED()


def revoke_a_key_while_its_admin_is_changed(elsinore):
    """What the log of actions names is locked at the very end, when the verifiers' counter is held already."""
    commands.ensure_signing_key(now=clock.now())
    admin = commands.make_staff(email=elsinore.HAMLET, password=elsinore.PASSWORD, now=clock.now())
    leaked = models.SigningKey.current()
    with mock.patch.object(copies, "changed", changed_slowly):
        races.at_once(
            lambda: commands.revoke_signing_key(kid=leaked.kid, now=clock.now(), by=admin, reason="It has leaked."),
            lambda: end_his_sessions_after_a_while(admin),
        )
    leaked.refresh_from_db()
    return leaked.status


def hold_keys_alone(_by):
    people.one_at_a_time(keys._KEYS_LOCK)


class TestAnAdministratorWhoRevokesAKeyWhileHeIsChanged:
    def test_waits_and_has_revoked_it(self, live_elsinore):
        assert revoke_a_key_while_its_admin_is_changed(live_elsinore) == "retired"

    def test_control_locked_at_last_he_is_in_his_own_way(self, live_elsinore):
        with (
            mock.patch.object(keys, "_hold_keys", hold_keys_alone),
            pytest.raises(OperationalError, match="deadlock"),
        ):
            revoke_a_key_while_its_admin_is_changed(live_elsinore)
