"""What is said from now on, each event once: when all who listen have heard it, or have taken too long to."""

import time
import uuid
from collections.abc import Iterable, Mapping

from deploy.local.events import reading, said, wishes
from deploy.local.events.connections import Databases

PATIENCE = 2.0
"""Seconds after which an event is shown though somebody has not heard it."""


class Tail:
    """Follows the logs of all services from the moment of its making."""

    def __init__(self, databases: Databases, *, wish: wishes.Wish) -> None:
        self._databases, self._wish = databases, wish
        self._settled: dict[str, int] = {}
        self._shown: dict[uuid.UUID, said.Said] = {}
        self._since: dict[uuid.UUID, float] = {}
        for service in databases.services:
            self.skip(self._new(service))

    def skip(self, events: Iterable[said.Said]) -> None:
        """These have been shown already."""
        self._shown |= {one.id: one for one in events}

    def look(self) -> list[said.Said]:
        """What can be shown now, in its order."""
        now = time.monotonic()
        new = [one for service in self._databases.services for one in self._new(service)]
        self._since = {one.id: self._since.get(one.id, now) for one in new}
        ready = ripe(reading.with_heard(self._databases, new), since=self._since, now=now)
        self.skip(ready)
        for service in self._databases.services:
            waiting = [one.row for one in new if one.service == service and one.id not in self._shown]
            self._settle(service, waiting=waiting)
        return ready

    def _new(self, service: str) -> list[said.Said]:
        """What stands in the log of a service above what is settled, and was not shown."""
        if service not in self._settled:
            self._settle(service, waiting=())
        if service not in self._settled:
            return []
        after = self._settled[service]
        found = reading.since(self._databases, service=service, wish=self._wish, after=after)
        return [one for one in found if one.id not in self._shown]

    def _settle(self, service: str, *, waiting: Iterable[int]) -> None:
        """Forget what is so old that nothing can appear below it any more; rows that are `waiting` are not."""
        row = reading.settled(self._databases, service=service, after=self._settled.get(service, 0))
        if row is None:
            return
        self._settled[service] = row = min([row, *(number - 1 for number in waiting)])
        self._shown = {id_: one for id_, one in self._shown.items() if one.service != service or one.row > row}


def ripe(events: Iterable[said.Said], *, since: Mapping[uuid.UUID, float], now: float) -> list[said.Said]:
    """Those that need not wait any more, up to the first that does: so that all are shown in their order.

    `since`: when each was seen first, on the clock of `now`.
    """
    shown: list[said.Said] = []
    for one in sorted(events, key=lambda one: one.place):
        if one.unheard_by and now < since[one.id] + PATIENCE:
            break
        shown.append(one)
    return shown
