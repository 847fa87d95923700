"""A circuit breaker: whoever has failed several times in a row is left alone for a while.

So a service that hangs is not waited for by one thread after the other, until none is left for anything else.
https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


class Open(Exception):
    """The call was not made."""


class Breaker:
    """Shared by the threads of a process.

    `failures`: so many in a row open it. `rest`: seconds until one caller may try; the others go on being refused until
    he has succeeded. `clock`: monotonic seconds.
    """

    def __init__(self, *, failures: int, rest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._rest, self._clock = failures, rest, clock
        self._lock = threading.Lock()
        self._failed = 0
        self._tries_at = 0.0

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Around one call; whatever leaves the block as an exception is a failure. Raises Open."""
        self._enter()
        try:
            yield
        except Exception:
            self._count()
            raise
        with self._lock:
            self._failed = 0

    def _enter(self) -> None:
        with self._lock:
            if self._failed < self._most:
                return
            if self._clock() < self._tries_at:
                raise Open
            self._tries_at = self._clock() + self._rest

    def _count(self) -> None:
        with self._lock:
            self._failed += 1
            self._tries_at = self._clock() + self._rest
