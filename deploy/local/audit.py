"""Reads the databases of all services and says what does not add up.

The market may be running: what one service has said may not have reached the next yet. So whatever looks wrong is
looked at again until it has been so for PATIENCE seconds; only what stays wrong is a finding.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from deploy.local import databases, homes, log_checks, market_state, services
from deploy.local.finding import Databases, Finding, Rows

PATIENCE = 10.0
OVERDUE_SECONDS = 5
UNSENT_SECONDS = 60

# Of what is kept as a copy elsewhere: where it is true, and the query of what every copy has.
TICKETS = (
    "tickets",
    "tickets_ticket",
    "SELECT id, user_id, status, order_id, title, amount_minor, currency, version FROM {}",
)
ORDERS = (
    "orders",
    "orders_order",
    "SELECT id, user_id, status, amount_minor, currency, expires_at, payment_id, version FROM {}",
)
COPIES = (
    ("orders", "orders_ticket", TICKETS),
    ("payments", "payments_order", ORDERS),
)


def findings(dsns: Mapping[str, str], *, patience: float = PATIENCE) -> list[Finding]:
    """Everything that is wrong and stays wrong for `patience` seconds; `dsns` by service name."""
    deadline = time.monotonic() + patience
    with opened(dsns) as connections:
        lasting = look(connections)
        while lasting and time.monotonic() < deadline:
            time.sleep(0.5)
            lasting &= look(connections)
    return sorted(lasting)


@contextlib.contextmanager
def opened(dsns: Mapping[str, str]) -> Iterator[Databases]:
    """Connections to all databases, for `look`."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(psycopg.connect(dsn, autocommit=True, row_factory=dict_row))
            for name, dsn in dsns.items()
        }


def look(all_: Databases) -> set[Finding]:
    """What looks wrong at this moment, some of which may only be under way."""
    return {finding for check in CHECKS for finding in check(all_)}


def main(home: homes.Home) -> int:
    """Audit the local market and print what was found; 1 where that is anything."""
    market = market_state.require(home)
    found = findings(dsns(market))
    for finding in found:
        print(finding)
    print(f"{len(found)} findings" if found else f"nothing found by {len(CHECKS)} checks")
    return 1 if found else 0


def dsns(market: services.Market) -> dict[str, str]:
    """The address of the database of every service in a local market."""
    return {name: databases.url(market.home, name, market.ports[f"{name}.postgres"]) for name in market.services}


def one_live_order_per_ticket(all_: Databases) -> Iterator[Finding]:
    query = """SELECT ticket_id, count(*) AS live FROM orders_order
               WHERE status IN ('created', 'awaiting_payment', 'complete') GROUP BY ticket_id HAVING count(*) > 1"""
    for row in all_["orders"].execute(query):
        yield Finding("sold twice", f"ticket {row['ticket_id']}", f"{row['live']} live orders")


def held_by_the_live_order(all_: Databases) -> Iterator[Finding]:
    """A payable or complete order holds its ticket, and a ticket is held by an order that lives or was kept."""
    tickets = _rows(all_["tickets"], "SELECT id, status, order_id FROM tickets_ticket WHERE order_id IS NOT NULL")
    orders = _rows(all_["orders"], "SELECT id, status, ticket_id, relist FROM orders_order")
    holders = {ticket["order_id"]: ticket for ticket in tickets.values()}
    for order in orders.values():
        ticket = holders.get(order["id"])
        wanted = {"awaiting_payment": "reserved", "complete": "sold"}.get(order["status"])
        if wanted and (ticket is None or ticket["status"] != wanted):
            state = ticket["status"] if ticket else "not held by it"
            yield Finding("ticket lost", f"order {order['id']} ({order['status']})", f"its ticket is {state}")
    for ticket in tickets.values():
        holder = orders.get(ticket["order_id"])
        if holder is None or not _may_hold(holder):
            state = holder["status"] if holder else "unknown"
            yield Finding("ticket stuck", f"ticket {ticket['id']} ({ticket['status']})", f"its order is {state}")


def copies_equal_their_source(all_: Databases) -> Iterator[Finding]:
    users = "SELECT id, email, roles, active, tokens_valid_after, version FROM {}"
    for service in all_.keys() - {"auth"}:
        yield from _differences(
            f"{service}' copy of users",
            _rows(all_["auth"], users.format("users_user")),
            _rows(all_[service], users.format("identity_user")),
        )
    for service, table, (source, original, query) in COPIES:
        if service in all_:
            yield from _differences(
                f"{service}' copy of {source}",
                _rows(all_[source], query.format(original)),
                _rows(all_[service], query.format(table)),
            )


def nothing_unsent(all_: Databases) -> Iterator[Finding]:
    query = """SELECT event_id AS id, type FROM messaging_outboxevent
               WHERE sent_at IS NULL AND occurred_at < clock_timestamp() - make_interval(secs => %s)"""
    for service, database in all_.items():
        for row in database.execute(query, [UNSENT_SECONDS]):
            yield Finding("unsent", f"{service} {row['type']} {row['id']}", f"for more than {UNSENT_SECONDS} s")


def nothing_parked(all_: Databases) -> Iterator[Finding]:
    query = "SELECT id, type, error FROM messaging_parkedmessage WHERE state = 'parked'"
    for service, database in all_.items():
        for row in database.execute(query):
            yield Finding("parked", f"{service} {row['type']} {row['id']}", row["error"])


def nothing_overdue(all_: Databases) -> Iterator[Finding]:
    query = """SELECT id, status FROM orders_order WHERE status IN ('created', 'awaiting_payment')
               AND expires_at < clock_timestamp() - make_interval(secs => %s)"""
    for row in all_["orders"].execute(query, [OVERDUE_SECONDS]):
        yield Finding("past its window", f"order {row['id']}", row["status"])


def complete_orders_are_paid_once(all_: Databases) -> Iterator[Finding]:
    orders = _rows(all_["orders"], "SELECT id, status, payment_id, amount_minor, currency FROM orders_order")
    held = "SELECT id, order_id, status, amount_minor, currency FROM payments_payment WHERE status IN (%s, %s)"
    paid: dict[Any, list[dict[str, Any]]] = {}
    for payment in all_["payments"].execute(held, ["authorized", "captured"]):
        paid.setdefault(payment["order_id"], []).append(payment)
    for order in orders.values():
        seen = [(p["id"], p["status"], p["amount_minor"], p["currency"]) for p in paid.pop(order["id"], [])]
        right = [(order["payment_id"], "captured", order["amount_minor"], order["currency"])]
        if order["status"] == "complete" and seen != right:
            yield Finding("money", f"order {order['id']} is complete", f"its payments: {_told(seen)}")
        if order["status"] in ("cancelled", "expired", "refunded") and seen:
            yield Finding("money", f"order {order['id']} is {order['status']}", f"keeps {_told(seen)}")
    for order_id, payments in paid.items():
        yield Finding("money", f"order {order_id} does not exist", f"{len(payments)} payments hold its money")


def payments_equal_the_ledger(all_: Databases) -> Iterator[Finding]:
    """To the cent: what payments believes, and what the provider's own books say."""
    books: dict[Any, dict[str, tuple[int, str]]] = {}
    for entry in all_["payments"].execute("SELECT payment_id, kind, amount_minor, currency FROM payments_sandboxentry"):
        books.setdefault(entry["payment_id"], {})[entry["kind"]] = entry["amount_minor"], entry["currency"]
    payments = _rows(all_["payments"], "SELECT id, status, amount_minor, currency FROM payments_payment")
    for payment in payments.values():
        book = books.pop(payment["id"], {})
        amount = payment["amount_minor"], payment["currency"]
        if not _agree(payment["status"], set(book)):
            yield Finding("ledger", f"payment {payment['id']} is {payment['status']}", f"its books: {sorted(book)}")
        if any(book[kind] != amount for kind in ("authorized", "captured") if kind in book):
            yield Finding("ledger", f"payment {payment['id']} is of {amount}", f"its books: {book}")
    for payment_id, book in books.items():
        yield Finding("ledger", f"payment {payment_id} does not exist", f"its books: {sorted(book)}")


CHECKS: tuple[Callable[[Databases], Iterator[Finding]], ...] = (
    one_live_order_per_ticket,
    held_by_the_live_order,
    copies_equal_their_source,
    nothing_unsent,
    nothing_parked,
    nothing_overdue,
    complete_orders_are_paid_once,
    payments_equal_the_ledger,
    *log_checks.CHECKS,
)


def _rows(database: psycopg.Connection[dict[str, Any]], query: str) -> Rows:
    return {row["id"]: row for row in database.execute(query.encode())}


def _differences(what: str, source: Rows, copy: Rows) -> Iterator[Finding]:
    for key in source.keys() | copy.keys():
        here, there = source.get(key), copy.get(key)
        if here is None or there is None:
            yield Finding(what, str(key), "missing at the source" if here is None else "missing in the copy")
        elif here != there:
            told = [f"{name} is {here[name]!s}, there {there[name]!s}" for name in here if here[name] != there[name]]
            yield Finding(what, str(key), "; ".join(told))


def _may_hold(order: dict[str, Any]) -> bool:
    kept = order["status"] == "refunded" and order["relist"] is False
    return kept or order["status"] in ("awaiting_payment", "complete")


def _agree(status: str, book: set[str]) -> bool:
    match status:
        case "authorized":
            return book == {"authorized"}
        case "captured":
            return book == {"authorized", "captured"}
        case "voided":
            return book == {"authorized", "voided"}
        case "failed":
            return book == {"authorized", "lapsed"}
        case "declined":
            return "captured" not in book and ("authorized" not in book or "voided" in book)
        case _:  # asked, and the answer not recorded yet: anything but taken
            return "captured" not in book


def _told(payments: list[tuple[Any, ...]]) -> str:
    return ", ".join(f"{key} ({status}, {amount} {currency})" for key, status, amount, currency in payments) or "none"
