"""What the supervisor is given: steps, each with the steps that must be ready before it."""

import dataclasses
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def nothing() -> None:
    """By its name and no lambda: a process can be sent to the supervisor only with functions that have one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """Something done once, in a thread, at every `up`."""

    name: str
    after: Sequence[str] = ()
    action: Callable[[], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """A program that does something once and ends; anything but exit code 0 ends the start."""

    name: str
    after: Sequence[str] = ()
    line: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    is_done: Callable[[], bool] = lambda: False
    """Asked before: whether there is nothing to do."""
    remember: Callable[[], None] = nothing
    """Called after it has ended well."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Process:
    """A program that runs until it is ended, and is started again when it dies."""

    name: str
    after: Sequence[str] = ()
    line: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    port: int
    url: str = ""
    user: str | None = None
    ready: Callable[[], bool]
    before: Callable[[], None] = nothing
    """Called before each start: clears what the last one left."""
    end_with: signal.Signals = signal.SIGTERM
    end_within: float = 10.0
    """Seconds until SIGKILL."""
    home: Path | None = None
    """A working directory that no other process has: finds children that left the session (PostgreSQL's)."""


Step = Job | Command | Process
