"""The threads of the messaging process: all of them run, or the process ends so that its supervisor restarts it."""

import functools
import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from django.db import Error as DatabaseError
from django.db import connections

from shared.messaging.backoff import Backoff
from shared.messaging.health import Status
from shared.schema import pending

log = structlog.get_logger(__name__)

GRACE_SECONDS = 7.0  # and two for the last spans, when their collector is away


class Duty(Protocol):
    """What a thread does until `stop` is set."""

    def __call__(self, stop: threading.Event, /, *, status: Status) -> None: ...


class Crew:
    """Starts duties, ends them together, and notices when one is given up."""

    def __init__(self) -> None:
        self.parts: list[Status] = []
        self.lost: list[str] = []
        self._stop = threading.Event()
        self._over = threading.Event()
        self._dismissed = False
        self._threads: list[threading.Thread] = []

    def enlist(self, name: str, duty: Duty) -> None:
        """Start a thread for the duty. One that raises, or returns before it is told to, ends the whole crew."""
        status = Status(name)
        self.parts.append(status)
        thread = threading.Thread(target=self._serve, args=(duty, status), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def dismiss(self) -> None:
        """Have `wait()` return. For signal handlers: sets no Event, whose lock the thread may hold just then."""
        self._dismissed = True

    def wait(self) -> bool:
        """Until dismissed or until a duty is given up; then end all. True if all ended as they should, in time."""
        while not (self._dismissed or self._over.wait(0.2)):
            pass
        self._stop.set()
        deadline = time.monotonic() + GRACE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:
            log.error("parts did not end in time", parts=late)
        return not (self.lost or late)

    def _serve(self, duty: Duty, status: Status) -> None:
        try:
            duty(self._stop, status=status)
        except BaseException:  # the thread ends here, whatever it was
            log.exception("part failed for good", part=status.name)
        if not self._stop.is_set():
            status.says("ended", ready=False)
            self.lost.append(status.name)
            self._over.set()


def once_migrated(duty: Duty) -> Duty:
    """The duty, begun as soon as the tables are there that it needs: it may have been started before they were made."""

    @functools.wraps(duty)
    def patient(stop: threading.Event, /, *, status: Status) -> None:
        backoff = Backoff()
        while not stop.is_set():
            if _is_migrated(status):
                return duty(stop, status=status)
            backoff.wait(stop)

    return patient


def _is_migrated(status: Status) -> bool:
    try:
        missing = pending.migrations.missing()
        if missing:
            status.says(f"waits for the tables: {missing} migrations are not applied", ready=False)
        return not missing
    except DatabaseError as error:
        status.says(f"database away: {error}", ready=False)
        return False
    finally:
        connections.close_all()


def background(function: Callable[[threading.Event], None]) -> Duty:
    """A duty of a plain `f(stop)`, which has nothing to say about itself."""

    @functools.wraps(function)
    def duty(stop: threading.Event, /, *, status: Status) -> None:
        status.says("running")
        function(stop)

    return duty
