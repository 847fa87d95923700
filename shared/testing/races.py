"""Doing things at once: threads that start together, each with a database connection of its own."""

import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def at_once(*actions: Callable[[], T], seconds: float = 60) -> list[T]:
    """Run the actions in as many threads, which begin together; their answers, in this order.

    Raises what an action raises, and TimeoutError when they are not all done after `seconds`.
    """
    gate = threading.Barrier(len(actions))

    def run(action: Callable[[], T]) -> T:
        try:
            connections["default"].ensure_connection()
            gate.wait(timeout=seconds)
            return action()
        finally:
            connections.close_all()

    with concurrent.futures.ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(timeout=seconds) for future in [pool.submit(run, action) for action in actions]]
