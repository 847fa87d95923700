"""What the clock asks of payments, through Celery: the provider may be slow, and each task finds its work in rows.

While the service recovers from a restore they do nothing: what became of a payment since may still be heard.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import structlog
from celery import shared_task
from django.db import InterfaceError, OperationalError

from payments_service.payments import commands, queries
from payments_service.payments.providers import port
from shared import clock, spans, tracing
from shared.messaging import recovery

BATCH = 200

log = structlog.get_logger(__name__)


@shared_task(name="payments.settle_payments")
def settle_payments() -> None:
    """Capture or void what was decided."""
    _each("settle", commands.settle_payment, queries.to_settle(most=BATCH))


@shared_task(name="payments.resolve_payments")
def resolve_payments() -> None:
    """Look up what a crash or a lost answer left open."""
    _each("resolve", commands.resolve_payment, queries.unanswered(before=clock.now() - port.PATIENCE, most=BATCH))


def _each(verb: str, command: Callable[..., object], found: Iterable[queries.Due]) -> None:
    """One payment's trouble is not another's: what gets no answer now is asked again in the next period."""
    if recovery.is_under_way():
        return
    for due in found:
        try:
            # A step of the trace for each payment, and none for the clock's tick that found it.
            with tracing.bind(request=due.request_id, trace=due.traceparent), _step(verb, due):
                command(payment_id=due.payment_id, now=clock.now())
        except port.NoAnswer as error:
            log.warning("provider_gave_no_answer", payment_id=str(due.payment_id), error=str(error))
        except (OperationalError, InterfaceError):
            raise  # the database is away: the others would only wait for it too
        except Exception:  # or the oldest payment, which comes first in every period, would stop all others for ever
            log.exception("payment_not_finished", payment_id=str(due.payment_id))


def _step(verb: str, due: queries.Due) -> AbstractContextManager[spans.Span]:
    return spans.span(f"{verb} payment", spans.Kind.INTERNAL, {"admit_one.payment_id": str(due.payment_id)})
