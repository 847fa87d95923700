"""Giving a service events as its consumer would: real envelopes, the real inbox, the real handlers."""

import itertools
from collections.abc import Iterable, Iterator

import msgspec
from django.conf import settings

from shared import clock, ids
from shared.contracts import envelope, events
from shared.messaging import apply, models

_positions = itertools.count(1)


def wrap(event: events.Event, *, epoch: int = 1) -> envelope.Envelope:
    """The event as its producer's relay would send it: a fresh id and the next position."""
    return envelope.Envelope(
        id=ids.new(),
        source=event.SOURCE,
        type=event.TYPE,
        subject=event.subject,
        time=clock.now(),
        dataschema=envelope.schema_urn(type(event)),
        logepoch=epoch,
        position=next(_positions),
        aggregateversion=event.aggregate_version,
        data=msgspec.Raw(events.to_data(event)),
    )


def hear(*heard: events.Event | envelope.Envelope) -> list[str]:
    """Apply each to this service, in this order; returns what became of each."""
    envelopes = [event if isinstance(event, envelope.Envelope) else wrap(event) for event in heard]
    return [apply.apply(one, consumer=settings.SERVICE, now=clock.now()) for one in envelopes]


def said(*, since: int = 0) -> list[tuple[str, str]]:
    """(type, subject) of what this service has said, oldest first, after the outbox row `since`."""
    rows = models.OutboxEvent.objects.filter(id__gt=since).order_by("id")
    return list(rows.values_list("type", "subject"))


def orders_of_arrival(history: Iterable[events.Event], *, sizes: Iterable[int]) -> Iterator[tuple[events.Event, ...]]:
    """Every arrangement of every `sizes` events of a history, in which each is also heard a second time.

    The repeats come at every distance: all once and then all again, each twice in a row, and the second round
    backwards.
    """
    for size in sizes:
        for arrangement in itertools.permutations(tuple(history), size):
            yield (*arrangement, *arrangement)
            yield tuple(itertools.chain.from_iterable((event, event) for event in arrangement))
            yield (*arrangement, *reversed(arrangement))
