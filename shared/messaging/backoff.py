"""Trying again: soon at first, later and later while it does not help, never all at the same moment."""

import random
import threading

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 5.0


class Backoff:
    """Pauses that double from 0.1 s to 5 s until `reset()`, each a little random."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._pause = _FIRST_SECONDS

    def next(self) -> float:
        """The next pause in seconds."""
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_SECONDS)
        return pause * random.uniform(0.75, 1.0)  # noqa: S311 - no secret

    def wait(self, stop: threading.Event) -> None:
        """Sleep for the next pause, or until `stop` is set."""
        stop.wait(self.next())
