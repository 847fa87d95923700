"""What every service says about its own log: how far it reaches, and what of it is asked for and given again.

These are *notices*: they change nothing that is true, so they stand in no log and have no position of their own. A
lost one is followed by the next.
"""

from typing import ClassVar

import msgspec

from shared.contracts import events


class Notice(events.Event, frozen=True, kw_only=True, rename="camel"):
    """Said by any service; whose log it is about is the `source` of its envelope."""

    SOURCE: ClassVar[str] = ""

    @property
    def subject(self) -> str:
        return "log"


class LogPosition(Notice, frozen=True, kw_only=True, rename="camel"):
    """The last position that was given: whoever has not heard it has lost something."""

    TYPE: ClassVar[str] = "log.position"

    epoch: int
    position: int


class ReplayRequested(Notice, frozen=True, kw_only=True, rename="camel"):
    """The sender misses positions among `from` … `to` (both included) of the log of whoever hears this."""

    TYPE: ClassVar[str] = "replay.requested"

    epoch: int
    from_: int = msgspec.field(name="from")
    to: int


class ReplayCompleted(Notice, frozen=True, kw_only=True, rename="camel"):
    """All that is left of `from` … `to` of `epoch` was sent before this.

    Of that epoch the log holds `firstKept` … `lastKept` and nothing else (`firstKept` is `lastKept` + 1 where it holds
    nothing). What is older is told by snapshots, which stand in the log at or before `position`, the last of the
    current epoch (the envelope's `logepoch`).
    """

    TYPE: ClassVar[str] = "replay.completed"

    epoch: int
    from_: int = msgspec.field(name="from")
    to: int
    first_kept: int
    last_kept: int
    position: int


NOTICES = (LogPosition, ReplayRequested, ReplayCompleted)
