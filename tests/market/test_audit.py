"""What `manage_all.py audit` finds: nothing in a healthy market, and everything that is planted here."""

import contextlib
import os
import subprocess
import sys
import uuid

import psycopg
import pytest
from psycopg import sql

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
        with late("tickets.messaging"):
            ticket = olivia.http.post("/api/tickets", json=people.HAMLET).json()
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
    sets = ", ".join(f"{name} = %s" for name in names)
    connection.execute(f"UPDATE {table} SET {sets} WHERE id = %s", [*values.values(), id_])
    return dict(zip(names, before, strict=True))


def _copy_row(connection, table, id_, **changes):
    cursor = connection.execute(f"SELECT * FROM {table} WHERE id = %s", [id_])
    row = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True)) | changes
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(row.values()))
