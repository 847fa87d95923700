"""Which events an operator wants to see."""

import dataclasses
import fnmatch
import uuid

from deploy.local.refusals import Refusal
from shared.contracts import registry


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """All that is given has to be true of an event: one of `types`, about or naming `aggregate`, said for `request`."""

    types: tuple[str, ...] | None = None
    aggregate: uuid.UUID | None = None
    request: str | None = None

    def __str__(self) -> str:
        parts = (self.types and ", ".join(self.types), self.aggregate, self.request and f"request {self.request}")
        return " · ".join(str(part) for part in parts if part) or "any event"


def parse(*, type_: str | None, aggregate: str | None, request: str | None) -> Wish:
    """The wish as it is given on the command line. Raises Refusal."""
    return Wish(
        types=None if type_ is None else _types(type_),
        aggregate=None if aggregate is None else _aggregate(aggregate),
        request=None if request is None else _request(request),
    )


def _types(pattern: str) -> tuple[str, ...]:
    types = sorted(registry.SOURCE_OF_TYPE)
    if chosen := tuple(name for name in types if fnmatch.fnmatchcase(name, pattern)):
        return chosen
    raise Refusal(f"No type of event is called {pattern!r}.", do=f"there are: {', '.join(types)}")


def _aggregate(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        why = "those of orders, tickets, payments and users are UUIDs, and are wanted whole."
        do = "take the id from the API, or from `./manage_all.py events --json`."
        raise Refusal(f"{text!r} is no id of anything.", why=why, do=do) from None


def _request(text: str) -> str:
    if text and text.isprintable():
        return text
    raise Refusal("A request id is some printable text.", do="take it from X-Request-ID of an answer, or from a log.")
