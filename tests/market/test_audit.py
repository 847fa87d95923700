"""What `manage_all.py audit` finds: nothing in a healthy market, and everything that is planted here."""

import contextlib
import os
import subprocess
import sys
import uuid

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from deploy.local import databases, homes
from shared.testing import waiting
from tests.market import people


@pytest.fixture
def purchase(olivia, bruno, behind):
    """The ids of everything in one purchase that is through."""
    ticket = olivia.offers()
    order = bruno.has_ordered(ticket)
    payment = bruno.has_paid(order)
    bruno.sees_payment(payment, "captured")
    olivia.sees_ticket(ticket, "sold")
    behind.waits_for_row("orders", "orders_ticket", id=ticket["id"], status="sold")
    return {"ticket": ticket["id"], "order": order["id"], "payment": payment["id"], "user": bruno.id}


@pytest.fixture
def plant(market):
    """`with plant(service, table, id, column=value):` the row says so meanwhile, whoever forbids it."""

    @contextlib.contextmanager
    def planted(service, table, id_, **values):
        with _superuser(market, service) as connection:
            before = _change(connection, table, id_, values)
            try:
                yield
            finally:
                _change(connection, table, id_, before)

    return planted


def test_a_healthy_market_has_nothing_to_find(market, purchase):
    done = subprocess.run(
        [sys.executable, "manage_all.py", "audit"],
        cwd=homes.ROOT,
        env={**os.environ, "ADMIT_ONE_HOME": str(market.home)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("nothing found by ")


class TestFinds:
    @pytest.mark.parametrize(
        ("service", "table", "thing", "values", "check"),
        [
            ("orders", "orders_ticket", "ticket", {"title": "Macbeth"}, "orders' copy of tickets"),
            ("orders", "orders_ticket", "ticket", {"amount_minor": 1}, "orders' copy of tickets"),
            ("payments", "payments_order", "order", {"status": "expired"}, "payments' copy of orders"),
            ("tickets", "identity_user", "user", {"email": "bruno@elsewhere.example"}, "tickets' copy of users"),
            ("payments", "identity_user", "user", {"active": False}, "payments' copy of users"),
            ("tickets", "tickets_ticket", "order", {"status": "on_sale", "order_id": None}, "ticket lost"),
            ("orders", "orders_order", "ticket", {"status": "cancelled"}, "ticket stuck"),
            ("orders", "orders_order", "order", {"status": "cancelled"}, "money"),
            ("payments", "payments_payment", "order", {"status": "voided"}, "money"),
            ("payments", "payments_payment", "payment", {"amount_minor": 1}, "ledger"),
            ("payments", "payments_payment", "payment", {"status": "voided"}, "ledger"),
        ],
    )
    def test_what_was_changed_by_hand(self, behind, purchase, plant, service, table, thing, values, check):
        own = {"orders_ticket": "ticket", "tickets_ticket": "ticket", "identity_user": "user"}
        row = own.get(table) or table.partition("_")[2]
        with plant(service, table, purchase[row], **values):
            _assert_found(behind, check, purchase[thing])

        assert behind.audit() == []

    def test_a_line_that_is_missing_in_the_books(self, market, behind, purchase):
        with _superuser(market, "payments") as books:
            query = "DELETE FROM payments_sandboxentry WHERE payment_id = %s AND kind = 'captured' RETURNING *"
            line = books.execute(query, [purchase["payment"]]).fetchone()
            try:
                _assert_found(behind, "ledger", purchase["payment"])
            finally:
                places = ", ".join(["%s"] * len(line))
                books.execute(f"INSERT INTO payments_sandboxentry VALUES ({places})", line)

        assert behind.audit() == []

    def test_money_taken_for_a_payment_that_nobody_knows(self, market, behind):
        stray = str(uuid.uuid4())
        with _superuser(market, "payments") as books:
            query = """INSERT INTO payments_sandboxentry (payment_id, kind, amount_minor, currency, reason, recorded_at)
                       VALUES (%s, 'captured', 1250, 'USD', '', now())"""
            books.execute(query, [stray])
            try:
                _assert_found(behind, "ledger", stray)
            finally:
                books.execute("DELETE FROM payments_sandboxentry WHERE payment_id = %s", [stray])

    def test_a_parked_message(self, behind):
        message = str(uuid.uuid4())
        query = """INSERT INTO messaging_parkedmessage
                       (consumer, event_id, source, type, body, error, traceback, attempts, state, reason)
                   VALUES ('tickets', %s, '/orders', 'order.created', '{}', 'KeyError(1)', '', 1, 'parked', '')"""
        behind.run("tickets", query, message)
        try:
            (found,) = [finding for finding in behind.audit(patience=1) if finding.check == "parked"]
            assert found.subject.startswith("tickets order.created")
            assert found.seen == "KeyError(1)"
        finally:
            behind.run("tickets", "DELETE FROM messaging_parkedmessage WHERE event_id = %s", message)

    def test_an_event_that_was_never_sent(self, behind, olivia, late):
        behind.waits_for_row("tickets", "identity_user", id=olivia.id)  # or it would be frozen with her row locked
        with late("tickets.messaging"):
            ticket = olivia.offers()
            query = """UPDATE messaging_outboxevent SET occurred_at = occurred_at - interval '61 seconds'
                       WHERE subject = %s RETURNING event_id"""
            (event,) = behind.run("tickets", query, ticket["id"])
            _assert_found(behind, "unsent", str(event["event_id"]))
            _assert_found(behind, "orders' copy of tickets", ticket["id"])

        assert behind.audit() == []

    def test_an_order_that_nobody_expires(self, behind, olivia, bruno, late):
        order = bruno.has_ordered(olivia.offers())
        with late("orders.messaging"):
            behind.window_ends(order)
            waiting.until(
                lambda: any(finding.check == "past its window" for finding in behind.audit(patience=0)),
                seconds=people.SOON,
                what="the order to be overdue",
            )
            _assert_found(behind, "past its window", order["id"])

        bruno.sees_order(order, "expired")

    def test_a_ticket_that_was_sold_twice(self, market, behind, purchase):
        """Only where the index that forbids it is gone."""
        with _superuser(market, "orders") as orders:
            query = "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'one_live_order%%'"
            ((name, definition),) = orders.execute(query).fetchall()
            second = str(uuid.uuid4())
            orders.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
            try:
                _copy_row(orders, "orders_order", purchase["order"], id=second)
                _assert_found(behind, "sold twice", purchase["ticket"])
            finally:
                orders.execute("DELETE FROM orders_order WHERE id = %s", [second])
                orders.execute(definition)

        assert behind.audit() == []


class TestFindsInTheLogs:
    """What was said and what was heard: every line of every log, held against every inbox."""

    @pytest.fixture
    def reserved(self, behind, purchase):
        """The line of the tickets' log that says that the ticket is reserved."""
        return _line(behind, purchase, "ticket.reserved")

    def test_an_event_that_one_service_never_heard(self, market, behind, reserved):
        with _without(market, "orders", "messaging_inboxevent", event_id=reserved["event_id"]):
            _assert_found(behind, "never heard", str(reserved["event_id"]))

        assert behind.audit() == []

    def test_an_event_that_nobody_said(self, market, behind, reserved):
        with _without(market, "tickets", "messaging_outboxevent", event_id=reserved["event_id"]):
            _assert_found(behind, "never said", str(reserved["event_id"]))
            _assert_found(behind, "log", "tickets epoch 1")

        assert behind.audit() == []

    def test_an_event_that_was_heard_in_another_place(self, behind, reserved, plant):
        (row,) = behind.run("orders", "SELECT id FROM messaging_inboxevent WHERE event_id = %s", reserved["event_id"])
        with plant("orders", "messaging_inboxevent", row["id"], position=-1):
            _assert_found(behind, "heard elsewhere", str(reserved["event_id"]))

        assert behind.audit() == []

    def test_an_event_that_was_applied_twice(self, market, behind, reserved):
        """Only where the constraint that forbids it is gone."""
        with _superuser(market, "orders") as orders:
            orders.execute("ALTER TABLE messaging_inboxevent DROP CONSTRAINT inbox_once")
            again = "INSERT INTO messaging_inboxevent ({0}) SELECT {0} FROM messaging_inboxevent WHERE event_id = %s"
            columns = "consumer, event_id, source, epoch, position, type, outcome, received_at"
            query = sql.SQL(again).format(sql.SQL(columns))
            try:
                orders.execute(query, [reserved["event_id"]])
                _assert_found(behind, "heard twice", str(reserved["event_id"]))
            finally:
                orders.execute(
                    """DELETE FROM messaging_inboxevent one USING messaging_inboxevent other
                       WHERE one.event_id = other.event_id AND one.consumer = other.consumer AND one.id > other.id"""
                )
                orders.execute("ALTER TABLE messaging_inboxevent ADD CONSTRAINT inbox_once UNIQUE (consumer, event_id)")

        assert behind.audit() == []

    def test_two_events_in_one_place(self, market, behind, reserved):
        stray = str(uuid.uuid4())
        with _superuser(market, "orders") as orders:
            (row,) = orders.execute(
                "SELECT id FROM messaging_inboxevent WHERE event_id = %s", [reserved["event_id"]]
            ).fetchone()
            _copy_row(orders, "messaging_inboxevent", row, id=2**40, event_id=stray)
            try:
                _assert_found(behind, "heard twice", f"/tickets 1.{reserved['position']}")
                _assert_found(behind, "never said", stray)
            finally:
                orders.execute("DELETE FROM messaging_inboxevent WHERE event_id = %s", [stray])

        assert behind.audit() == []

    def test_versions_that_do_not_follow_each_other(self, behind, purchase, reserved, plant):
        with plant("tickets", "messaging_outboxevent", reserved["id"], aggregate_version=0):
            _assert_found(behind, "versions", purchase["ticket"])

        assert behind.audit() == []

    def test_a_state_that_cannot_follow_the_last(self, behind, purchase, reserved, plant):
        with plant("tickets", "messaging_outboxevent", reserved["id"], data=Jsonb({"status": "withdrawn"})):
            _assert_found(behind, "states", purchase["ticket"])

        assert behind.audit() == []

    def test_a_change_that_was_never_said(self, behind, purchase, plant):
        with plant("tickets", "tickets_ticket", purchase["ticket"], version=99):
            _assert_found(behind, "unsaid", purchase["ticket"])

        assert behind.audit() == []


def _line(behind, purchase, type_):
    query = "SELECT id, event_id, position FROM messaging_outboxevent WHERE subject = %s AND type = %s"
    (line,) = behind.run("tickets", query, purchase["ticket"], type_)
    return line


@contextlib.contextmanager
def _without(market, service, table, *, event_id):
    """The row is gone meanwhile."""
    with _superuser(market, service) as connection:
        row = connection.execute(f"DELETE FROM {table} WHERE event_id = %s RETURNING *", [event_id]).fetchone()
        try:
            yield
        finally:
            kept = [Jsonb(value) if isinstance(value, dict) else value for value in row]
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(kept))})", kept)


def _assert_found(behind, check, subject):
    found = behind.audit(patience=1)
    assert [finding for finding in found if finding.check == check and subject in finding.subject], found


def _superuser(market, service):
    """Whom no constraint of the service stops: triggers are off."""
    home = homes.Home(market.home)
    address = databases.superuser_url(home, market.row(f"{service}.postgres")["port"], database=service)
    return psycopg.connect(address, autocommit=True, options="-c session_replication_role=replica")


def _change(connection, table, id_, values):
    """Set these columns; what they were."""
    names = list(values)
    (before,) = connection.execute(f"SELECT {', '.join(names)} FROM {table} WHERE id = %s", [id_]).fetchall()
    before = [Jsonb(value) if isinstance(value, dict) else value for value in before]
    sets = ", ".join(f"{name} = %s" for name in names)
    connection.execute(f"UPDATE {table} SET {sets} WHERE id = %s", [*values.values(), id_])
    return dict(zip(names, before, strict=True))


def _copy_row(connection, table, id_, **changes):
    cursor = connection.execute(f"SELECT * FROM {table} WHERE id = %s", [id_])
    row = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True)) | changes
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(row.values()))
