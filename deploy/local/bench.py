"""`bench`: how fast the market's messaging is, measured on the market that is up.

What is sent are verdicts on orders that do not exist: tickets says them, orders hears them, finds no such order and has
nothing to do. They go the whole way: outbox, relay, broker, consumer, inbox, handler.
"""

import dataclasses
import statistics
import time
import uuid
from collections.abc import Sequence

import psycopg
from rich.console import Console
from rich.table import Table

from deploy.local import audit, homes, market_state
from deploy.local.refusals import Refusal
from shared import ids
from shared.contracts import envelope, events, tickets

out = Console(highlight=False)
_PAUSE_SECONDS, _WARM_UP = 0.02, 20
_LOOK_EVERY_SECONDS = 0.0002  # for each event awaited, or the looking would slow what is looked at
_WITHIN_SECONDS = 60.0
_BURST, _ROUNDS = 1000, 3
_SAY = """
INSERT INTO messaging_outboxevent (event_id, type, dataschema, subject, data)
VALUES (%s, %s, %s, %s, %s)
"""
_HEARD = "SELECT count(*) FROM messaging_inboxevent WHERE consumer = 'orders' AND event_id = ANY(%s)"

Connection = psycopg.Connection[tuple[object, ...]]


@dataclasses.dataclass(frozen=True)
class Pair:
    """The database of who speaks and of who listens."""

    speaker: Connection
    listener: Connection

    def say(self, number: int) -> tuple[list[uuid.UUID], float]:
        """Commit so many events at once; their ids, and the moment after the commit."""
        said = [_event() for _ in range(number)]
        with self.speaker.transaction(), self.speaker.cursor() as cursor:
            cursor.executemany(_SAY, [values for _, values in said])
        committed = time.perf_counter()
        self.speaker.execute("NOTIFY outbox")
        return [event_id for event_id, _ in said], committed

    def wait_until_heard(self, event_ids: Sequence[uuid.UUID]) -> float:
        """The moment at which the effects of all are committed, as another connection sees it. Raises Refusal."""
        deadline = time.perf_counter() + _WITHIN_SECONDS
        while self.listener.execute(_HEARD, [list(event_ids)]).fetchone() != (len(event_ids),):
            if time.perf_counter() > deadline:
                raise Refusal(
                    f"orders did not hear what tickets said within {_WITHIN_SECONDS:.0f} s.",
                    do="./manage_all.py status",
                )
            time.sleep(_LOOK_EVERY_SECONDS * len(event_ids))
        return time.perf_counter()


def main(home: homes.Home, *, number: int) -> int:
    """Measure latency with `number` single events, then throughput in bursts, and print both."""
    if number < 2:
        raise Refusal("One event has no percentiles.", do="give -n 100 or more")
    market = market_state.require(home)
    dsns = audit.dsns(market)
    with (
        psycopg.connect(dsns["tickets"], autocommit=True) as speaker,
        psycopg.connect(dsns["orders"], autocommit=True) as listener,
    ):
        pair = Pair(speaker, listener)
        _latency(pair, _WARM_UP)
        _show(market.broker, _latency(pair, number), _throughput(pair))
    return 0


def _latency(pair: Pair, number: int) -> list[float]:
    """Milliseconds from the commit of one event until its effect is committed, the market idle in between."""
    took = []
    for _ in range(number):
        event_ids, committed = pair.say(1)
        took.append((pair.wait_until_heard(event_ids) - committed) * 1000)
        time.sleep(_PAUSE_SECONDS)
    return took


def _throughput(pair: Pair) -> list[float]:
    """Events a second of each round: from the commit of a burst until the last of it is applied."""
    rates = []
    for _ in range(_ROUNDS):
        event_ids, committed = pair.say(_BURST)
        rates.append(_BURST / (pair.wait_until_heard(event_ids) - committed))
    return rates


def _event() -> tuple[uuid.UUID, tuple[object, ...]]:
    verdict = tickets.ReservationRefused(ticket_id=ids.new(), order_id=ids.new(), reason="unknown")
    event_id = ids.new()
    schema = envelope.schema_urn(type(verdict))
    return event_id, (event_id, verdict.TYPE, schema, verdict.subject, events.to_data(verdict).decode())


def _show(broker: str, latencies: Sequence[float], rates: Sequence[float]) -> None:
    table = Table("broker", "what", "p50", "p99", "max", box=None, header_style="bold", pad_edge=False)
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    row = [f"{value:.1f} ms" for value in (statistics.median(latencies), cuts[98], max(latencies))]
    table.add_row(broker, f"commit to applied, {len(latencies)} single events", *row)
    median, best = statistics.median(rates), max(rates)
    table.add_row(broker, f"end to end, {_ROUNDS} bursts of {_BURST}", f"{median:,.0f}/s", "", f"{best:,.0f}/s")
    out.print(table)
