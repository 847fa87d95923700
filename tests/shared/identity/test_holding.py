"""Between the question whether somebody may act and the act itself, no ban slips in."""

import contextlib
import threading

import pytest
from django.db import OperationalError, connection, transaction

from shared import ids
from shared.identity import copies, models, users

pytestmark = pytest.mark.django_db(transaction=True)


def ban(user_id):
    """In a transaction of its own that would rather fail than wait; says whether it had to wait."""

    def work():
        with contextlib.closing(connection), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            try:
                copies.keep_user(
                    id=user_id, email=None, roles=(), active=False, tokens_valid_after=models.ALWAYS, version=1
                )
            except OperationalError as error:
                seen.append("lock timeout" in str(error))
                transaction.set_rollback(True)

    seen: list[bool] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return bool(seen) and seen[0]


@pytest.mark.parametrize("known", [True, False], ids=["known", "not heard of yet"])
class TestBanAndAct:
    @pytest.fixture
    def olivia(self, known):
        user_id = ids.new()
        if known:
            models.User.objects.create(id=user_id, email="olivia@example.com")
        return user_id

    def test_a_ban_waits_for_who_acts(self, olivia):
        with transaction.atomic():
            assert users.hold_active(olivia)
            assert ban(olivia)

        assert users.hold_active(olivia)

    def test_who_asks_without_holding_is_overtaken(self, olivia):
        """The control: looked up only, the answer is old before it is used."""
        with transaction.atomic():
            assert not models.User.objects.filter(id=olivia, active=False).exists()
            assert not ban(olivia)
            assert not users.hold_active(olivia)

    def test_after_a_ban_nobody_acts(self, olivia):
        assert not ban(olivia)

        with transaction.atomic(), pytest.raises(users.Barred):
            users.require_active(olivia)

    def test_two_who_act_do_not_wait_for_each_other(self, olivia):
        held = []

        def another():
            with contextlib.closing(connection), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                held.append(users.hold_active(olivia))

        with transaction.atomic():
            users.hold_active(olivia)
            thread = threading.Thread(target=another)
            thread.start()
            thread.join()

        assert held == [True]


@pytest.mark.parametrize(
    ("strength", "waits"), [("KEY SHARE", False), ("NO KEY UPDATE", True)], ids=["named by a row", "control: changed"]
)
def test_what_is_heard_of_somebody_does_not_wait_for_who_writes_a_row_that_names_him(strength, waits):
    """As the log of actions names staff: its foreign key locks last of all, when the consumer may hold the rest."""
    user_id = ids.new()
    models.User.objects.create(id=user_id, email="olivia@example.com")

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT FROM identity_user WHERE id = %s FOR {strength}", [user_id])
        assert ban(user_id) == waits
