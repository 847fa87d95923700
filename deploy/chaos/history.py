"""What clients asked and what they were told: invoked, then ok, fail or unknown."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

OK, FAIL, UNKNOWN = "ok", "fail", "unknown"


@dataclasses.dataclass
class Operation:
    """One request; times in seconds since the epoch."""

    client: str
    what: str
    """`offer`, `edit`, `order`, `pay`, `ban`, … or `read`."""
    subject: str
    asked: Any
    began: float
    key: str = ""
    """The Idempotency-Key."""
    ended: float = 0.0
    outcome: str = ""
    status: int = 0
    """The answer's, 0 where there was none."""
    retry_after: bool = False
    answer: Any = None
    said: str = ""


class History:
    """Of all clients, in the order of asking."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._lock = threading.Lock()

    def invoked(self, *, client: str, what: str, subject: str, asked: Any = None, key: str = "") -> Operation:
        """Record that something is asked now."""
        operation = Operation(client=client, what=what, subject=subject, asked=asked, began=time.time(), key=key)
        with self._lock:
            self.operations.append(operation)
        return operation

    def of(self, *whats: str, outcome: str = OK) -> Iterator[Operation]:
        return (one for one in self.operations if one.what in whats and one.outcome == outcome)

    def writes(self) -> Iterator[Operation]:
        return (one for one in self.operations if one.what != "read")


def answered(operation: Operation, answer: httpx.Response) -> None:
    """Record an answer. Any 5xx leaves open whether it was done."""
    operation.ended, operation.status = time.time(), answer.status_code
    operation.retry_after = "retry-after" in answer.headers
    operation.outcome = OK if answer.is_success else UNKNOWN if answer.status_code >= 500 else FAIL
    if answer.is_success and answer.content:
        operation.answer = answer.json()
    elif not answer.is_success:
        operation.said = answer.text[:300]


def unanswered(operation: Operation, error: Exception) -> None:
    """Record that no answer came, so that nobody knows whether it was done."""
    operation.ended, operation.outcome, operation.said = time.time(), UNKNOWN, f"{type(error).__name__}: {error}"
