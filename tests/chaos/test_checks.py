"""What the checks of a chaos run find: nothing in a history that was kept, and each thing that is planted here."""

import psycopg
import pytest
from psycopg.rows import dict_row

from deploy.chaos import checks, history, nemesis, plan
from deploy.chaos.faults import base
from shared.testing import postgres

TICKET, ORDER, PAYMENT, BRUNO = (f"00000000-0000-7000-8000-00000000000{n}" for n in range(1, 5))
EVENT = "10000000-0000-7000-8000-000000000001"
SCHEMA = """
CREATE TABLE users_user (id uuid, email text, active boolean);
CREATE TABLE tickets_ticket (id uuid, title text, status text);
CREATE TABLE messaging_outboxevent (subject text, aggregate_version bigint, type text, data jsonb);
CREATE TABLE orders_order (id uuid, ticket_id uuid, user_id uuid, status text);
CREATE TABLE payments_payment (id uuid, order_id uuid, status text);
CREATE TABLE messaging_parkedmessage (id bigint, event_id uuid);
"""


@pytest.fixture(scope="module")
def server():
    with postgres.server() as started:
        yield started


@pytest.fixture
def all_(server):
    """One database for all services: it holds only what these checks read."""
    with psycopg.connect(server.url(), row_factory=dict_row) as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO users_user VALUES (%s, 'bruno@example.com', true)", [BRUNO])
        connection.execute("INSERT INTO tickets_ticket VALUES (%s, 'Hamlet', 'withdrawn')", [TICKET])
        connection.execute("INSERT INTO orders_order VALUES (%s, %s, %s, 'cancelled')", [ORDER, TICKET, BRUNO])
        connection.execute("INSERT INTO payments_payment VALUES (%s, %s, 'captured')", [PAYMENT, ORDER])
        edited = '{"venue": "The Globe", "amountMinor": 1250}'
        connection.execute("INSERT INTO messaging_outboxevent VALUES (%s, 1, 'ticket.updated', %s)", [TICKET, edited])
        yield dict.fromkeys(("auth", "tickets", "orders", "payments"), connection)
        connection.rollback()


@pytest.fixture
def log():
    return history.History()


class TestAcknowledgedWrites:
    @pytest.fixture(autouse=True)
    def _everything_was_acknowledged(self, log):
        _done(log, "sign-up", "bruno@example.com", answer={"id": BRUNO})
        _done(log, "offer", "Hamlet", answer={"id": TICKET, "version": 0})
        asked = {"venue": "The Globe", "price": 12.5}
        _done(log, "edit", TICKET, asked=asked, answer={"id": TICKET, "version": 1})
        _done(log, "withdraw", TICKET)
        _done(log, "order", TICKET, answer={"id": ORDER, "userId": BRUNO, "version": 0})
        _done(log, "cancel", ORDER)
        _done(log, "pay", ORDER, answer={"id": PAYMENT, "status": "authorized"})

    def test_are_all_there(self, log, all_):
        assert list(checks.acknowledged_writes_are_there(log, all_)) == []

    @pytest.mark.parametrize(
        ("damage", "what"),
        [
            ("DELETE FROM users_user", "sign-up"),
            ("UPDATE tickets_ticket SET title = 'Macbeth'", "offer"),
            ("DELETE FROM messaging_outboxevent", "edit"),
            ("UPDATE messaging_outboxevent SET data = jsonb_set(data, '{amountMinor}', '1')", "edit"),
            ("UPDATE tickets_ticket SET status = 'on_sale'", "withdraw"),
            ("DELETE FROM orders_order", "order"),
            ("UPDATE orders_order SET user_id = ticket_id", "order"),
            ("UPDATE orders_order SET status = 'expired'", "cancel"),
            ("DELETE FROM payments_payment", "pay"),
            ("UPDATE payments_payment SET status = 'declined'", "pay"),
        ],
    )
    def test_are_missed_when_they_are_gone(self, log, all_, damage, what):
        all_["auth"].execute(damage)

        found = list(checks.acknowledged_writes_are_there(log, all_))
        assert [one.check for one in found if one.subject.startswith(what)] == ["lost"]

    def test_nobody_answers_for_what_is_unknown(self, log, all_):
        all_["auth"].execute("DELETE FROM users_user")
        for one in log.operations:
            one.outcome = history.UNKNOWN

        assert list(checks.acknowledged_writes_are_there(log, all_)) == []


class TestBans:
    @pytest.mark.parametrize(("verb", "active"), [("ban", False), ("reinstate", True)])
    def test_hold(self, log, all_, verb, active):
        _done(log, verb, "bruno@example.com")
        all_["auth"].execute("UPDATE users_user SET active = %s", [active])
        assert list(checks.bans_hold(log, all_)) == []

        all_["auth"].execute("UPDATE users_user SET active = %s", [not active])
        assert _found(checks.bans_hold(log, all_)) == ["lost"]

    def test_may_be_either_way_when_the_last_is_unknown(self, log, all_):
        _done(log, "ban", "bruno@example.com")
        _done(log, "reinstate", "bruno@example.com").outcome = history.UNKNOWN

        assert list(checks.bans_hold(log, all_)) == []


class TestDoubled:
    def test_one_offer_made_two_tickets(self, log, all_):
        _done(log, "offer", "Hamlet", answer={"id": TICKET, "version": 0})
        assert list(checks.nothing_is_done_twice(log, all_)) == []

        all_["tickets"].execute("INSERT INTO tickets_ticket VALUES (%s, 'Hamlet', 'on_sale')", [ORDER])
        assert _found(checks.nothing_is_done_twice(log, all_)) == ["doubled"]

    def test_one_key_was_answered_with_two_payments(self, log, all_):
        _done(log, "pay", ORDER, key="k", answer={"id": PAYMENT})
        _done(log, "pay", ORDER, key="k", answer={"id": PAYMENT})
        assert list(checks.nothing_is_done_twice(log, all_)) == []

        _done(log, "pay", ORDER, key="k", answer={"id": TICKET})
        assert _found(checks.nothing_is_done_twice(log, all_)) == ["doubled"]

    def test_more_orders_than_keys(self, log, all_):
        _done(log, "order", TICKET, key="k", answer={"id": ORDER, "userId": BRUNO})
        assert list(checks.nothing_is_done_twice(log, all_)) == []

        all_["orders"].execute("INSERT INTO orders_order VALUES (%s, %s, %s, 'created')", [EVENT, TICKET, BRUNO])
        assert _found(checks.nothing_is_done_twice(log, all_)) == ["doubled"]


class TestReads:
    def test_that_go_forward_are_well(self, log):
        for version in (0, 1, 1, 4):
            _done(log, "read", "/api/tickets", answer={"id": TICKET, "version": version})

        assert list(checks.reads_go_forward(log)) == []

    def test_that_go_back_are_found(self, log):
        _done(log, "edit", TICKET, answer={"id": TICKET, "version": 3})
        _done(log, "read", "/api/tickets", answer={"id": TICKET, "version": 2})

        assert _found(checks.reads_go_forward(log)) == ["inversion"]

    def test_are_compared_with_those_of_the_same_client_only(self, log):
        _done(log, "read", "/api/tickets", answer={"id": TICKET, "version": 3})
        _done(log, "read", "/api/tickets", answer={"id": TICKET, "version": 2}, client="carla")

        assert list(checks.reads_go_forward(log)) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "retry_after", "check"),
        [
            (500, False, "5xx"),
            (502, True, "5xx"),
            (503, False, "5xx"),
            (503, True, "503 in peace"),
            (400, False, "refusal"),
            (401, False, "refusal"),
        ],
    )
    def test_that_nobody_was_promised(self, log, status, retry_after, check):
        _refused(log, status, retry_after, at=100.0)

        assert _found(checks.refusals_are_the_promised_ones(log, [_hit(began=10, ended=20)])) == [check]

    @pytest.mark.parametrize("status", [402, 404, 409, 429])
    def test_that_are_part_of_the_trade(self, log, status):
        _refused(log, status, False, at=100.0)

        assert list(checks.refusals_are_the_promised_ones(log, [])) == []

    @pytest.mark.parametrize("at", [15.0, 20.0 + checks.SETTLING])
    def test_a_503_while_a_fault_is_on_or_settles(self, log, at):
        _refused(log, 503, True, at=at)

        assert list(checks.refusals_are_the_promised_ones(log, [_hit(began=10, ended=20)])) == []

    def test_a_500_is_one_even_then(self, log):
        _refused(log, 500, False, at=15.0)

        assert _found(checks.refusals_are_the_promised_ones(log, [_hit(began=10, ended=20)])) == ["5xx"]


class TestExpiry:
    OVERDUE = ((106.0, ORDER, 100.0),)

    def test_in_peace_is_in_time(self):
        assert _found(checks.expiry_is_in_time(self.OVERDUE, [])) == ["past its window"]

    @pytest.mark.parametrize("target", ["orders", "orders.messaging", "orders.postgres"])
    def test_waits_for_what_expires_it(self, target):
        hit = _hit(began=90, ended=101, target=target)

        assert list(checks.expiry_is_in_time(self.OVERDUE, [hit])) == []

    @pytest.mark.parametrize(
        ("began", "ended", "target"),
        [(90, 101, "tickets.messaging"), (10, 90, "orders.messaging"), (107, 110, "orders")],
    )
    def test_waits_for_nothing_else(self, began, ended, target):
        hit = _hit(began=began, ended=ended, target=target)

        assert _found(checks.expiry_is_in_time(self.OVERDUE, [hit])) == ["past its window"]


class TestPoison:
    @pytest.fixture
    def ledger(self):
        kept = base.Ledger()
        kept.poison[EVENT], kept.poisoned[EVENT] = {"auth"}, 100.0
        return kept

    @pytest.fixture
    def only_auth(self, all_):
        return {"auth": all_["auth"]}

    def test_is_missed_where_it_is_not_parked(self, ledger, only_auth):
        assert _found(checks.poison_is_parked(ledger, only_auth)) == ["poison"]

    def test_is_parked_once(self, ledger, only_auth):
        park = "INSERT INTO messaging_parkedmessage VALUES (7, %s)"
        only_auth["auth"].execute(park, [EVENT])
        assert list(checks.poison_is_parked(ledger, only_auth)) == []

        only_auth["auth"].execute(park, [EVENT])
        assert _found(checks.poison_is_parked(ledger, only_auth)) == ["poison"]

    def test_may_be_nowhere_when_the_broker_was_wiped_afterwards(self, ledger, only_auth):
        ledger.wiped.append(101.0)

        assert list(checks.poison_is_parked(ledger, only_auth)) == []

    def test_may_not_be_where_nobody_listens(self, ledger, all_):
        all_["auth"].execute("INSERT INTO messaging_parkedmessage VALUES (7, %s)", [EVENT])

        assert _found(checks.poison_is_parked(ledger, {"tickets": all_["auth"]})) == ["poison"]


def _done(log, what, subject, *, asked=None, answer=None, key="", client="bruno"):
    one = log.invoked(client=client, what=what, subject=subject, asked=asked, key=key)
    one.outcome, one.answer, one.status = history.OK, answer, 200
    return one


def _refused(log, status, retry_after, *, at):
    one = log.invoked(client="bruno", what="offer", subject="Hamlet")
    one.outcome = history.UNKNOWN if status >= 500 else history.FAIL
    one.status, one.retry_after, one.began, one.ended = status, retry_after, at, at


def _hit(*, began, ended, target="orders.web"):
    strike = plan.Strike(at=0, fault="kill", target=target, seconds=0, chance=0)
    return nemesis.Struck(strike, began=began, ended=ended)


def _found(findings):
    return [one.check for one in findings]
