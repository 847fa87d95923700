"""What is asked of the databases of all services about what was said and heard."""

import dataclasses
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deploy.local.events import said, wishes
from deploy.local.events.connections import Databases

_SAID = """
SELECT id AS row, event_id AS id, type, subject, aggregate_version AS version, epoch, position, cause_id AS cause,
       request_id AS request, occurred_at AS at, sent_at IS NOT NULL AS sent, data
FROM messaging_outboxevent
"""
_WISHED = """
WHERE id > %(after)s
  AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
  AND (%(request)s::text IS NULL OR request_id = %(request)s)
  AND (%(about)s::text[] IS NULL OR subject = ANY(%(about)s)
       OR ARRAY[data->>'orderId', data->>'ticketId', data->>'paymentId', data->>'userId'] && %(about)s)
ORDER BY id DESC LIMIT %(most)s
"""
_BY_ID = "WHERE event_id = ANY(%(ids)s)"
_BY_CAUSE = "WHERE cause_id = ANY(%(ids)s)"
_HEARD = """
SELECT event_id, outcome, received_at FROM messaging_inboxevent
WHERE consumer = %(consumer)s AND event_id = ANY(%(ids)s)
"""
# A row may be committed after one with a higher id was seen. No statement of a service lasts as long as this.
_SETTLED = """
SELECT coalesce(max(id), %(after)s) AS row FROM messaging_outboxevent
WHERE id > %(after)s AND occurred_at < clock_timestamp() - interval '60 s'
"""


def last(databases: Databases, *, wish: wishes.Wish, most: int) -> list[said.Said]:
    """The newest `most` of all services together, in their order."""
    found = _everywhere(databases, _SAID + _WISHED, {**_values(wish), "most": most})
    return sorted(found, key=_place)[-most:] if most else []


def since(databases: Databases, *, service: str, wish: wishes.Wish, after: int) -> list[said.Said]:
    """Everything that stands in one log above a row."""
    return _of(databases, service, _SAID + _WISHED, {**_values(wish), "after": after})


def settled(databases: Databases, *, service: str, after: int) -> int | None:
    """The row of one log up to which nothing more will appear, at least `after`; None where the database is away."""
    found = databases.ask(service, _SETTLED, {"after": after})
    return found[0]["row"] if found else None


def story(databases: Databases, *, wish: wishes.Wish, most: int) -> list[said.Said]:
    """What a tree is made of; more than `most` mean that there are still others.

    That is all that is wished, all about the orders that it names where an aggregate is wished, what the handlers of
    these events have said, and what these were said in answer to.
    """
    found = last(databases, wish=wish, most=most + 1)
    orders = sorted({one.order for one in found if one.order}) if wish.aggregate else []
    if orders:
        values = {**_values(wishes.Wish()), "about": orders, "most": most + 1}
        found = _once([*found, *_everywhere(databases, _SAID + _WISHED, values)])
    answers = _follow(databases, found, _BY_CAUSE, lambda one: one.id, most=most)
    causes = _follow(databases, found, _BY_ID, lambda one: one.cause, most=most)
    return _once([*answers, *causes])


def with_heard(databases: Databases, events: Sequence[said.Said]) -> list[said.Said]:
    """The events with all that the inboxes know of them."""
    heard: dict[uuid.UUID, list[said.Heard]] = defaultdict(list)
    for service in databases.services:
        ids = [one.id for one in events if service in said.listeners(one.service)]
        for row in databases.ask(service, _HEARD, {"consumer": service, "ids": ids}) if ids else ():
            heard[row["event_id"]].append(said.Heard(service, row["outcome"], row["received_at"]))
    in_order = {id_: tuple(sorted(rows, key=lambda row: row.at)) for id_, rows in heard.items()}
    return [dataclasses.replace(one, heard=in_order.get(one.id, ())) for one in events]


def _follow(
    databases: Databases,
    events: Iterable[said.Said],
    where: str,
    key: Callable[[said.Said], uuid.UUID | None],
    *,
    most: int,
) -> list[said.Said]:
    """The events, then what is found `where` by their keys, then what is found by the keys of that, and so on."""
    known = {one.id: one for one in events}
    newest = list(known.values())
    while len(known) <= most and (ids := list({key(one) for one in newest} - {None})):
        newest = [one for one in _everywhere(databases, _SAID + where, {"ids": ids}) if one.id not in known]
        known |= {one.id: one for one in newest}
    return list(known.values())


def _everywhere(databases: Databases, query: str, values: Mapping[str, Any]) -> list[said.Said]:
    return [one for service in databases.services for one in _of(databases, service, query, values)]


def _of(databases: Databases, service: str, query: str, values: Mapping[str, Any]) -> list[said.Said]:
    rows = databases.ask(service, query, values)
    return [said.Said(service=service, **{**row, "data": said.masked(row["data"])}) for row in rows]


def _values(wish: wishes.Wish) -> dict[str, Any]:
    types = None if wish.types is None else list(wish.types)
    about = None if wish.aggregate is None else [str(wish.aggregate)]
    return {"types": types, "about": about, "request": wish.request, "after": 0, "most": None}


def _once(events: Iterable[said.Said]) -> list[said.Said]:
    return sorted({one.id: one for one in events}.values(), key=_place)


def _place(one: said.Said) -> tuple[Any, ...]:
    return one.place
