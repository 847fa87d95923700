"""How a provider does: every call is a step of the trace, and is counted and timed by what came of it."""

import contextlib
import time
import uuid
from collections.abc import Iterator

from prometheus_client import Histogram

from payments_service.payments.providers import port
from shared import spans

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

request_seconds = Histogram(
    "payment_provider_request_duration_seconds",
    "Time a payment provider takes to answer",
    ["provider", "operation", "outcome"],
    buckets=BUCKETS,
)


class Watched:
    """A provider that does what another does, and tells which call for which payment, how long, and no more."""

    def __init__(self, provider: port.Provider) -> None:
        self._provider = provider
        self._name = type(provider).__name__.lower()

    def authorize(
        self, *, payment_id: uuid.UUID, amount_minor: int, currency: str, token: str
    ) -> tuple[port.Answer, str]:
        with self._calling("authorize", payment_id) as call:
            answer, reason = self._provider.authorize(
                payment_id=payment_id, amount_minor=amount_minor, currency=currency, token=token
            )
            call.outcome = answer.name.lower()
        return answer, reason

    def look_up(self, *, payment_id: uuid.UUID) -> tuple[port.Answer, str]:
        with self._calling("look_up", payment_id) as call:
            answer, reason = self._provider.look_up(payment_id=payment_id)
            call.outcome = answer.name.lower()
        return answer, reason

    def capture(self, *, payment_id: uuid.UUID) -> bool:
        with self._calling("capture", payment_id) as call:
            taken = self._provider.capture(payment_id=payment_id)
            call.outcome = "captured" if taken else "lapsed"
        return taken

    def void(self, *, payment_id: uuid.UUID) -> None:
        with self._calling("void", payment_id) as call:
            self._provider.void(payment_id=payment_id)
            call.outcome = "voided"

    @contextlib.contextmanager
    def _calling(self, operation: str, payment_id: uuid.UUID) -> Iterator["_Call"]:
        call, started = _Call(), time.perf_counter()
        about = {"peer.service": self._name, "admit_one.payment_id": str(payment_id)}
        try:
            with spans.span(f"{operation} {self._name}", spans.Kind.CLIENT, about):
                yield call
        except port.NoAnswer:
            call.outcome = "no_answer"
            raise
        finally:
            request_seconds.labels(self._name, operation, call.outcome).observe(time.perf_counter() - started)


class _Call:
    outcome = "error"
    """Until it is known better: whatever else the provider raised."""
