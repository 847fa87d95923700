"""After the faults: what clients were told, held against what the services have written down."""

import collections
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx

from deploy.chaos import history, nemesis
from deploy.chaos.faults import base
from deploy.local.finding import Databases, Finding

SETTLING = 5.0
"""Seconds after a fault is healed, and what it hurt is ready again, in which a 503 may still be its doing."""
_FORBIDDEN = frozenset({400, 405, 412, 413, 415, 422})
_MAY_BE_SIGNED_OUT = ("suspect", "visitor")
_AFTER: dict[str, frozenset[str]] = {
    "authorized": frozenset({"authorized", "captured", "voided", "failed", "refunded"}),
    "unknown": frozenset({"authorized", "captured", "voided", "failed", "refunded", "declined"}),
    "requested": frozenset({"authorized", "captured", "voided", "failed", "refunded", "declined"}),
}


def acknowledged_writes_are_there(log: history.History, all_: Databases) -> Iterator[Finding]:
    """Each thing that a client was told is done is written, with the state it was told or one that may follow it."""
    for what, check in _KEPT.items():
        for one in log.of(what):
            if wrong := check(one, all_):
                yield Finding("lost", f"{what} of {one.client} {one.subject}", wrong)


def _sign_up_kept(one: history.Operation, all_: Databases) -> str:
    row = _row(all_, "auth", "SELECT email FROM users_user WHERE id = %s", one.answer["id"])
    return "" if row and row["email"] == one.subject else f"the account is {row}"


def _offer_kept(one: history.Operation, all_: Databases) -> str:
    row = _row(all_, "tickets", "SELECT title FROM tickets_ticket WHERE id = %s", one.answer["id"])
    return "" if row and row["title"] == one.subject else f"the ticket is {row}"


def _edit_kept(one: history.Operation, all_: Databases) -> str:
    """In the log, for the ticket itself may have been edited again."""
    query = """SELECT data FROM messaging_outboxevent
               WHERE subject = %s AND aggregate_version = %s AND type = 'ticket.updated'"""
    row = _row(all_, "tickets", query, one.subject, one.answer["version"])
    wanted = one.asked["venue"], round(one.asked["price"] * 100)
    seen = (row["data"]["venue"], row["data"]["amountMinor"]) if row else None
    return "" if seen == wanted else f"version {one.answer['version']} was said to be {wanted}, its event says {seen}"


def _withdrawal_kept(one: history.Operation, all_: Databases) -> str:
    row = _row(all_, "tickets", "SELECT status FROM tickets_ticket WHERE id = %s", one.subject)
    return "" if row and row["status"] == "withdrawn" else f"the ticket is {row}"


def _order_kept(one: history.Operation, all_: Databases) -> str:
    query = "SELECT ticket_id, user_id FROM orders_order WHERE id = %s"
    row = _row(all_, "orders", query, one.answer["id"])
    kept = row and (str(row["ticket_id"]), str(row["user_id"])) == (one.subject, one.answer["userId"])
    return "" if kept else f"the order is {row}"


def _cancellation_kept(one: history.Operation, all_: Databases) -> str:
    row = _row(all_, "orders", "SELECT status FROM orders_order WHERE id = %s", one.subject)
    return "" if row and row["status"] == "cancelled" else f"the order is {row}"


def _payment_kept(one: history.Operation, all_: Databases) -> str:
    row = _row(all_, "payments", "SELECT order_id, status FROM payments_payment WHERE id = %s", one.answer["id"])
    if not row or str(row["order_id"]) != one.subject:
        return f"the payment is {row}"
    told = one.answer["status"]
    return "" if row["status"] in _AFTER.get(told, {told}) else f"was told {told}, is {row['status']}"


_KEPT: dict[str, Callable[[history.Operation, Databases], str]] = {
    "sign-up": _sign_up_kept,
    "offer": _offer_kept,
    "edit": _edit_kept,
    "withdraw": _withdrawal_kept,
    "order": _order_kept,
    "cancel": _cancellation_kept,
    "pay": _payment_kept,
}


def bans_hold(log: history.History, all_: Databases) -> Iterator[Finding]:
    """Whoever was banned last is banned, whoever was reinstated last is not; who knows where the last is unknown."""
    last: dict[str, history.Operation] = {}
    for one in log.operations:
        if one.what in ("ban", "reinstate") and one.outcome != history.FAIL:
            last[one.subject] = one
    for email, one in last.items():
        row = _row(all_, "auth", "SELECT active FROM users_user WHERE email = %s", email)
        if one.outcome == history.OK and (row is None or row["active"] != (one.what == "reinstate")):
            yield Finding("lost", f"{one.what} of {email}", f"the account is {row}")


def sign_outs_hold(log: history.History, url: str) -> Iterator[Finding]:
    """The token of a session that was signed out opens nothing any more."""
    with httpx.Client(base_url=url, timeout=10) as client:
        for one in list(log.of("sign-out"))[-20:]:
            if one.subject:
                answer = client.get("/api/orders", headers={"Authorization": f"Bearer {one.subject}"})
                if answer.status_code != 401:
                    yield Finding("lost", f"sign-out of {one.client}", f"its token gets {answer.status_code}")


def nothing_is_done_twice(log: history.History, all_: Databases) -> Iterator[Finding]:
    """One offer makes one ticket, and a key has one answer, however often it was asked."""
    titles = collections.Counter(row["title"] for row in all_["tickets"].execute("SELECT title FROM tickets_ticket"))
    for title in {one.subject for one in log.operations if one.what == "offer"}:
        if titles[title] > 1:
            yield Finding("doubled", title, f"{titles[title]} tickets of one offer")
    answers: dict[str, set[str]] = collections.defaultdict(set)
    for one in log.of("offer", "order", "pay"):
        answers[one.key].add(one.answer["id"])
    for key, ids in answers.items():
        if len(ids) > 1:
            yield Finding("doubled", f"key {key}", f"made {sorted(ids)}")
    yield from _orders_of_one_key(log, all_)


def _orders_of_one_key(log: history.History, all_: Databases) -> Iterator[Finding]:
    """A buyer has at most as many orders for a ticket as he used keys for it."""
    buyers = {one.client: one.answer["userId"] for one in log.of("order")}
    keys: dict[tuple[str, str], set[str]] = collections.defaultdict(set)
    for one in log.operations:
        if one.what == "order" and one.client in buyers:
            keys[buyers[one.client], one.subject].add(one.key)
    query = "SELECT user_id, ticket_id, count(*) AS number FROM orders_order GROUP BY user_id, ticket_id"
    for row in all_["orders"].execute(query):
        used = keys.get((str(row["user_id"]), str(row["ticket_id"])))
        if used is not None and row["number"] > len(used):
            subject = f"ticket {row['ticket_id']} by {row['user_id']}"
            yield Finding("doubled", subject, f"{row['number']} orders of {len(used)} keys")


def reads_go_forward(log: history.History) -> Iterator[Finding]:
    """A client that has seen a version of a thing, or made one, never sees an older one."""
    newest: dict[tuple[str, str], int] = {}
    for one in sorted(log.operations, key=lambda one: one.began):
        if one.outcome != history.OK or not isinstance(one.answer, dict) or "version" not in one.answer:
            continue
        if one.what == "order" and one.key:
            continue  # the answer to a repeat is that of the first time, as it should be
        thing = one.client, one.answer["id"]
        if one.answer["version"] < newest.get(thing, 0):
            told = f"{one.client} saw version {newest[thing]}, then {one.answer['version']}"
            yield Finding("inversion", one.answer["id"], told)
        newest[thing] = max(newest.get(thing, 0), one.answer["version"])


def refusals_are_the_promised_ones(log: history.History, struck: Sequence[nemesis.Struck]) -> Iterator[Finding]:
    """No 5xx but 503 with Retry-After, that only while a fault was on, and no refusal that nobody has earned."""
    for one in log.operations:
        if one.status >= 500 and (one.status != 503 or not one.retry_after):
            yield _refused("5xx", one)
        elif one.status == 503 and not any(_overlaps(hit, one.began, one.ended) for hit in struck):
            yield _refused("503 in peace", one)
        elif _is_unearned(one):
            yield _refused("refusal", one)


def expiry_is_in_time(
    overdue: Sequence[tuple[float, str, float]], struck: Sequence[nemesis.Struck]
) -> Iterator[Finding]:
    """No order past its window by more than 5 s, unless what expires it was hurt between its end and then.

    `overdue`: what was sampled: when, which order, when its window ended.
    """
    for seen, order, ended in overdue:
        # By a clock that runs ahead a window may have ended in the future.
        if not any(_hurts_expiry(hit) and _overlaps(hit, min(ended, seen), seen) for hit in struck):
            yield Finding("past its window", f"order {order}", f"by {seen - ended:.1f} s")


def poison_is_parked(ledger: base.Ledger, all_: Databases) -> Iterator[Finding]:
    """Each message that was injected is parked once, where it should be; one that the broker forgot may be nowhere."""
    for event_id, hearers in ledger.poison.items():
        since = ledger.poisoned[event_id]
        forgotten = since < 0 or any(moment >= since - SETTLING for moment in ledger.wiped)
        for service, database in all_.items():
            query = "SELECT count(*) AS number FROM messaging_parkedmessage WHERE event_id = %s"
            (row,) = database.execute(query, [event_id]).fetchall()
            right = {1} if service in hearers else {0}
            if row["number"] not in right | ({0} if forgotten else set()):
                yield Finding("poison", f"{service} {event_id}", f"parked {row['number']} times")


def is_injected(found: Finding, ledger: base.Ledger, all_: Databases) -> bool:
    """Whether a finding of the audit is a parked message that the nemesis has injected itself."""
    if found.check != "parked":
        return False
    service, _, row_id = found.subject.split(" ")
    row = _row(all_, service, "SELECT event_id FROM messaging_parkedmessage WHERE id = %s", row_id)
    return row is not None and str(row["event_id"]) in ledger.poison


def _overlaps(hit: nemesis.Struck, began: float, ended: float) -> bool:
    return hit.began <= ended and (not hit.ended or hit.ended + SETTLING >= began)


def _hurts_expiry(hit: nemesis.Struck) -> bool:
    """Orders expire by a sweep of its messaging process, in its database, by that one's clock."""
    target = hit.strike.target
    return target in ("orders", "orders.messaging", "orders.postgres")


def _is_unearned(one: history.Operation) -> bool:
    if one.status == 401:
        return one.client not in _MAY_BE_SIGNED_OUT
    return one.status in _FORBIDDEN and not one.what.startswith("sign-")


def _refused(check: str, one: history.Operation) -> Finding:
    return Finding(check, f"{one.what} {one.subject[:60]} of {one.client}", f"{one.status} {one.said[:200]}")


def _row(all_: Databases, service: str, query: str, *values: Any) -> dict[str, Any] | None:
    return all_[service].execute(query.encode(), values).fetchone()


def group(findings: Sequence[Finding]) -> dict[str, int]:
    """How many of each check."""
    ordered = sorted(findings)
    return {check: len(list(found)) for check, found in itertools.groupby(ordered, key=lambda one: one.check)}
