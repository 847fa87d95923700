"""What every event is: a frozen record of what has happened, said by exactly one service."""

from typing import Any, ClassVar, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all events; the members of a subclass are the CloudEvents `data`.

    Readers ignore members they do not know. A member may be added only with a default; anything else is a new
    `SCHEMA` number, published beside the old one while both live (`docs/contract.md` §5, rule 5).
    """

    TYPE: ClassVar[str]
    SOURCE: ClassVar[str]
    SCHEMA: ClassVar[int] = 1

    @property
    def subject(self) -> str:
        """The id of the aggregate this event is about."""
        return str(getattr(self, "id"))  # noqa: B009 - every state event has one, the base has not

    @property
    def aggregate_version(self) -> int | None:
        """The aggregate's version after the change; None where the event changes no aggregate."""
        return None

    @property
    def status(self) -> str:
        """The state the aggregate is in after the change, as a listener remembers it."""
        return ""

    @classmethod
    def aggregate(cls) -> str:
        """The noun before the dot: `ticket` of `ticket.reserved`."""
        return cls.TYPE.partition(".")[0]


class StateEvent(Event, frozen=True, kw_only=True, rename="camel"):
    """An event that carries the whole aggregate and is judged by its version."""

    version: int

    @property
    def aggregate_version(self) -> int:
        return self.version


E = TypeVar("E", bound=Event)


def to_data(event: Event) -> bytes:
    """The event's members as the JSON text of CloudEvents `data` (camelCase, times in RFC 3339 UTC)."""
    return msgspec.json.encode(event)


def from_data(event_type: type[E], data: bytes | msgspec.Raw) -> E:
    """Read `data` back. Raises `msgspec.ValidationError` where it does not fit."""
    return msgspec.json.decode(bytes(data), type=event_type)


def to_builtins(event: Event) -> dict[str, Any]:
    """The event's members as plain JSON-able values."""
    members: dict[str, Any] = msgspec.to_builtins(event)
    return members
