"""One purchase as a tree: under each event what its handlers have said, and what followed without a cause."""

import dataclasses
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from deploy.local.events import said

Parents = Mapping[uuid.UUID, uuid.UUID | None]


@dataclasses.dataclass(frozen=True)
class Hop:
    """An event at its place in the tree."""

    event: said.Said
    parent: uuid.UUID | None
    root: said.Said
    lasts: tuple[bool, ...]
    """From below the root down to this event: whether it is the last of its siblings."""

    @property
    def since_root(self) -> int:
        """Milliseconds."""
        return said.milliseconds(self.event.at - self.root.at)


def grow(events: Sequence[said.Said]) -> list[Hop]:
    """Every event once, each root followed by all that stands below it, siblings by time."""
    ordered = sorted(events, key=lambda one: one.place)
    parents = _parents(ordered)
    children: dict[uuid.UUID | None, list[said.Said]] = defaultdict(list)
    for one in ordered:
        children[parents[one.id]].append(one)
    return [hop for root in children[None] for hop in _walk(root, children)]


def _walk(root: said.Said, children: Mapping[uuid.UUID | None, Sequence[said.Said]]) -> Iterator[Hop]:
    """No recursion: a ticket that is edited a thousand times is a thousand levels deep."""
    waiting = [Hop(root, None, root, ())]
    while waiting:
        hop = waiting.pop()
        yield hop
        below = children.get(hop.event.id, ())
        waiting += [Hop(one, hop.event.id, root, (*hop.lasts, one is below[-1])) for one in reversed(below)]


def _parents(ordered: Sequence[said.Said]) -> Parents:
    """The cause, where it is known; of what a request, the clock or a worker has said, the event before it."""
    known = {one.id for one in ordered}
    parents = {one.id: one.cause if one.cause in known else None for one in ordered}
    for number, one in enumerate(ordered):
        if parents[one.id] is None:
            parents[one.id] = _before(one, ordered[:number], parents)
    return parents


def _before(one: said.Said, earlier: Sequence[said.Said], parents: Parents) -> uuid.UUID | None:
    """The last earlier event of the same aggregate, or of the order that `one` names."""
    subjects = {one.subject, one.order}
    # By a clock that is wrong an answer can seem to be earlier than what it answers.
    candidates = (it for it in reversed(earlier) if it.subject in subjects and not _is_below(it, one, parents))
    return next((it.id for it in candidates), None)


def _is_below(one: said.Said, other: said.Said, parents: Parents) -> bool:
    place: uuid.UUID | None = one.id
    while place is not None and place != other.id:
        place = parents[place]
    return place is not None
