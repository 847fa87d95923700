"""Waiting for a condition with a deadline: what tests do instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(predicate: Callable[[], T], *, seconds: float = 5.0, every: float = 0.02, what: str = "") -> T:
    """Ask `predicate` every `every` seconds until it answers something true, and return that answer.

    Raises AssertionError, with `what` was awaited, when `seconds` have passed without one.
    """
    deadline = time.monotonic() + seconds
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what or predicate}")
        time.sleep(every)
    return answer
