"""An event as it stands in the log of a service, and who has heard it."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from shared.messaging import topology


@dataclasses.dataclass(frozen=True)
class Heard:
    """A row of somebody's inbox."""

    by: str
    outcome: str
    at: dt.datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Said:
    """A row of somebody's outbox; `epoch` and `position` are None until the relay has taken it up."""

    service: str
    row: int
    id: uuid.UUID
    type: str
    subject: str
    version: int | None
    epoch: int | None
    position: int | None
    cause: uuid.UUID | None
    request: str | None
    at: dt.datetime
    sent: bool
    data: Mapping[str, Any]
    heard: tuple[Heard, ...] = ()

    @property
    def place(self) -> tuple[dt.datetime, str, int]:
        """What events are sorted by: the time, as far as the clocks of several databases agree."""
        return self.at, self.service, self.row

    @property
    def state(self) -> str:
        """What it says has become of its aggregate; of a verdict the reason."""
        if "active" in self.data:
            return "active" if self.data["active"] else "inactive"
        return str(self.data.get("status") or self.data.get("reason") or "")

    @property
    def order(self) -> str | None:
        """The order it is about, or that it names."""
        return self.subject if self.type.startswith("order.") else self.data.get("orderId")

    @property
    def unheard_by(self) -> tuple[str, ...]:
        """Who listens to its service and has not heard it yet."""
        so_far = {heard.by for heard in self.heard}
        return tuple(name for name in listeners(self.service) if name not in so_far)

    def delay(self, heard: Heard) -> int:
        """The milliseconds from its being said to its being heard."""
        return milliseconds(heard.at - self.at)


def listeners(service: str) -> tuple[str, ...]:
    """Who hears everything that `service` says."""
    return tuple(name for name, heard in topology.LISTENS.items() if service in heard)


def milliseconds(span: dt.timedelta) -> int:
    return round(span / dt.timedelta(milliseconds=1))


def masked(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an event without anybody's e-mail address: enough of one is left to tell two people apart."""
    return {name: _mask(value) if name == "email" and value else value for name, value in data.items()}


def _mask(address: str) -> str:
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if at else "…"
