"""What the logs of all services and the inboxes of those that listen say about each other."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deploy.local.finding import Databases, Finding
from shared.contracts import registry
from shared.messaging import topology

_SAID = "SELECT event_id, type, epoch, position FROM messaging_outboxevent WHERE position IS NOT NULL"
_HEARD = "SELECT event_id, type, epoch, position, outcome FROM messaging_inboxevent WHERE source = %s"
_CHANGES = """SELECT type, subject, aggregate_version AS version, epoch, position, data ->> 'status' AS status
              FROM messaging_outboxevent WHERE aggregate_version IS NOT NULL AND position IS NOT NULL
              ORDER BY subject, epoch, position"""

# Tables whose every new version is said; a payment has versions that nobody hears of.
_AGGREGATES = {"auth": "users_user", "tickets": "tickets_ticket", "orders": "orders_order"}

_NEXT: Mapping[str, Mapping[str | None, frozenset[str]]] = {
    "ticket": {
        None: frozenset({"on_sale"}),
        "on_sale": frozenset({"on_sale", "reserved", "withdrawn"}),
        "reserved": frozenset({"on_sale", "sold", "withdrawn"}),
        "sold": frozenset({"on_sale", "withdrawn"}),
        "withdrawn": frozenset(),
    },
    "order": {
        None: frozenset({"created"}),
        "created": frozenset({"awaiting_payment", "cancelled", "expired"}),
        "awaiting_payment": frozenset({"complete", "cancelled", "expired"}),
        "complete": frozenset({"refunded"}),
        "cancelled": frozenset(),
        "expired": frozenset(),
        "refunded": frozenset(),
    },
    "payment": {
        None: frozenset({"authorized", "declined", "voided", "failed"}),
        "authorized": frozenset({"captured", "voided", "failed"}),
        "captured": frozenset({"refunded"}),
        "voided": frozenset(),
        "declined": frozenset(),
        "failed": frozenset(),
        "refunded": frozenset(),
    },
}


def every_inbox_holds_its_logs(all_: Databases) -> Iterator[Finding]:
    """Set equality, event by event: everything said was heard, at its place, and nothing else was."""
    for consumer in all_:
        for producer in topology.LISTENS[consumer]:
            said = {row["event_id"]: row for row in all_[producer].execute(_SAID)}
            heard = {row["event_id"]: row for row in all_[consumer].execute(_HEARD, [registry.source_of(producer)])}
            yield from _differences(f"{consumer} from {producer}", said, heard)


def nothing_is_heard_twice(all_: Databases) -> Iterator[Finding]:
    """One row for an event, and one event for a place in a log; poison claims the place of another."""
    twice = (
        "SELECT event_id, count(*) AS times FROM messaging_inboxevent GROUP BY consumer, event_id HAVING count(*) > 1"
    )
    shared = """SELECT source, epoch, position, count(*) AS times FROM messaging_inboxevent WHERE outcome <> 'parked'
                GROUP BY consumer, source, epoch, position HAVING count(*) > 1"""
    for service, database in all_.items():
        for row in database.execute(twice):
            yield Finding("heard twice", f"{service} {row['event_id']}", f"{row['times']} times")
        for row in database.execute(shared):
            place = f"{row['source']} {row['epoch']}.{row['position']}"
            yield Finding("heard twice", f"{service} {place}", f"{row['times']} events in one place")


def the_log_has_no_gap(all_: Databases) -> Iterator[Finding]:
    """Positions are given one after the other, the last of them is the counter's."""
    query = """SELECT epoch, min(position) AS first, max(position) AS last, count(*) AS number
               FROM messaging_outboxevent WHERE position IS NOT NULL GROUP BY epoch"""
    for service, database in all_.items():
        log = database.execute("SELECT * FROM messaging_log").fetchone()
        for row in database.execute(query):
            place = f"{service} epoch {row['epoch']}"
            if row["last"] - row["first"] + 1 != row["number"]:
                yield Finding("log", place, f"{row['number']} rows from {row['first']} to {row['last']}")
            if log and log["epoch"] == row["epoch"]:
                first = (log.get("pruned_to") or 0) + 1
                if (row["first"], row["last"]) != (first, log["position"]):
                    expected = f"not from {first} to {log['position']}"
                    yield Finding("log", place, f"runs from {row['first']} to {row['last']}, {expected}")


def versions_and_states_follow_each_other(all_: Databases) -> Iterator[Finding]:
    """Each aggregate's log: every version once, one after the other, each state one that may follow the last."""
    for service, database in all_.items():
        for (subject, _), rows in itertools.groupby(database.execute(_CHANGES), _aggregate):
            changes = [row for row in rows if not row["type"].endswith(".snapshot")]
            for before, after in itertools.pairwise(changes):
                yield from _step(service, subject, before, after)


def the_last_word_is_the_state(all_: Databases) -> Iterator[Finding]:
    """What a service has said last of a thing is what it is: an effect without its event, or without its row, shows."""
    for service, table in _AGGREGATES.items():
        last = """SELECT subject AS id, max(aggregate_version) AS version FROM messaging_outboxevent
                  WHERE aggregate_version IS NOT NULL AND epoch = (SELECT max(epoch) FROM messaging_log)
                  GROUP BY subject"""
        said = {row["id"]: row["version"] for row in all_[service].execute(last)}
        for row in all_[service].execute(f"SELECT id, version FROM {table}".encode()):  # noqa: S608 - a name of ours
            version = said.get(str(row["id"]))
            if version is not None and version != row["version"]:
                yield Finding("unsaid", f"{service} {row['id']}", f"is version {row['version']}, said was {version}")


CHECKS: tuple[Callable[[Databases], Iterator[Finding]], ...] = (
    every_inbox_holds_its_logs,
    nothing_is_heard_twice,
    the_log_has_no_gap,
    versions_and_states_follow_each_other,
    the_last_word_is_the_state,
)


def _differences(who: str, said: Mapping[Any, Any], heard: Mapping[Any, Any]) -> Iterator[Finding]:
    for event_id, row in said.items():
        if event_id not in heard:
            yield Finding("never heard", f"{who} {row['type']} {event_id}", f"at {row['epoch']}.{row['position']}")
        elif _place(heard[event_id]) != _place(row):
            yield Finding("heard elsewhere", f"{who} {event_id}", f"{_place(heard[event_id])}, said at {_place(row)}")
    first = _first_of_current_epoch(said)
    for event_id, row in heard.items():
        # Older ones may be pruned, or of a log that was restored to less; parked ones are a finding of their own.
        current = row["epoch"] == first[0] and row["position"] >= first[1]
        if event_id not in said and current and row["outcome"] != "parked":
            yield Finding("never said", f"{who} {row['type']} {event_id}", f"at {row['epoch']}.{row['position']}")


def _first_of_current_epoch(said: Mapping[Any, Any]) -> tuple[int, int]:
    places = [_place(row) for row in said.values()]
    current = max((epoch for epoch, _ in places), default=1)
    return min((place for place in places if place[0] == current), default=(current, 1))


def _step(service: str, subject: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Finding]:
    noun = after["type"].partition(".")[0]
    dense = service in _AGGREGATES
    if after["version"] != before["version"] + 1 if dense else after["version"] <= before["version"]:
        told = f"{before['version']}, then {after['version']} at {after['epoch']}.{after['position']}"
        yield Finding("versions", f"{service} {subject}", told)
    if noun in _NEXT and after["status"] not in _NEXT[noun][before["status"]]:
        yield Finding("states", f"{noun} {subject}", f"{before['status']}, then {after['status']}")


def _aggregate(row: dict[str, Any]) -> tuple[str, int]:
    return row["subject"], row["epoch"]


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["epoch"], row["position"]
