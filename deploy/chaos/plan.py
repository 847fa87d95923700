"""What is to be done to the market, and when: a pure function of the seed, so that a seed replays its plan."""

import dataclasses
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence

from shared.messaging import topology

SERVICES = topology.SERVICES
PROCESSES = (
    *(f"{service}.{kind}" for service in SERVICES for kind in ("web", "messaging", "postgres")),
    *(f"{service}.worker" for service in topology.CELERY_VHOSTS),
    "broker",
)
NODES = ("broker.1", "broker.2", "broker.3")
"""In the place of `broker`, where that is a cluster."""
LINKS = tuple(f"{service}.{end}" for service in SERVICES for end in ("postgres", "broker"))
_BROKER_LINKS = tuple(f"{service}.broker" for service in SERVICES)
SPEAKERS = SERVICES
CRASH_POINTS = ("relay.confirmed", "consumer.applied", "payments.answered")
LISTENERS = tuple(service for service in SERVICES if topology.LISTENS[service])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """Whom a fault may strike and for how long."""

    targets: Sequence[str]
    seconds: tuple[float, float]
    holds: str = "{}"
    """What no other strike may touch meanwhile, made from the target."""
    recovery: float = 3.0
    """Seconds after it during which that is still so."""


KINDS: Mapping[str, Kind] = {
    "kill": Kind(targets=PROCESSES, seconds=(0, 0)),
    "freeze": Kind(targets=PROCESSES, seconds=(20, 20)),
    "broker-restart": Kind(targets=("broker",), seconds=(0, 2), recovery=10),
    "broker-wipe": Kind(targets=("broker",), seconds=(0, 0), recovery=14),
    "queue-deleted": Kind(
        targets=[queue.name for queue in topology.all_queues()], seconds=(0, 1), holds="broker", recovery=4
    ),
    "leader-kill": Kind(
        targets=[queue.name for queue in topology.all_queues()], seconds=(0, 0), holds="broker", recovery=10
    ),
    "partition": Kind(targets=("busiest-node",), seconds=(20, 25), holds="broker", recovery=10),
    "isolation": Kind(targets=("busiest-node",), seconds=(20, 25), holds="broker", recovery=10),
    "cut": Kind(targets=LINKS, seconds=(1, 4)),
    "half-open": Kind(targets=LINKS, seconds=(3, 15)),
    "slow": Kind(targets=LINKS, seconds=(4, 10)),
    "duplicate": Kind(targets=SPEAKERS, seconds=(0, 0), holds="broker", recovery=1),
    "reorder": Kind(targets=LISTENERS, seconds=(1, 3), holds="broker {}.messaging"),
    "poison": Kind(targets=SPEAKERS, seconds=(0, 0), holds="broker", recovery=1),
    "connections": Kind(targets=SERVICES, seconds=(2, 5), holds="{}.postgres"),
    "disk-full": Kind(targets=SERVICES, seconds=(2, 5), holds="{}.postgres", recovery=5),
    "clock-skew": Kind(targets=SERVICES, seconds=(3, 8), holds="{}.clock"),
    "crash-point": Kind(targets=CRASH_POINTS, seconds=(0, 0), recovery=5),
}
ROUNDS = 2
"""How often every fault is dealt in the time given, at least."""
_DENSEST = 1.0
_SLOWEST = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Strike:
    """One fault, once."""

    at: float
    """Seconds after the beginning."""
    fault: str
    target: str
    seconds: float
    chance: int
    """What the fault seeds its own choices with."""

    @property
    def holds(self) -> frozenset[str]:
        """What this strike has to itself until it is over: a cluster is hurt at one node at a time."""
        held = KINDS[self.fault].holds.format(self.target).split()
        return frozenset("broker" if name in NODES else name for name in held)

    @property
    def over(self) -> float:
        return self.at + self.seconds + KINDS[self.fault].recovery


def draw(
    *,
    seed: int,
    seconds: float,
    faults: Sequence[str],
    kill_every: float = 3.5,
    freeze: float = 20.0,
    nodes: Sequence[str] = (),
    rounds: int = ROUNDS,
) -> list[Strike]:
    """The strikes of this seed in their order. No two that overlap touch the same thing.

    `kill_every`: mean seconds between two kills; `freeze`: the length of a freeze; `nodes`: of a broker that is a
    cluster. Every fault comes at least `rounds` times, and as many more times as one strike each five seconds finds
    room for.
    """
    chance = random.Random(seed)
    strikes: list[Strike] = []
    for at, fault in sorted(_dealt(chance, seconds, faults, kill_every, rounds)):
        strike = _placed(chance, at, fault, freeze, nodes, strikes)
        if strike.at < seconds or sum(other.fault == fault for other in strikes) < rounds:
            strikes.append(strike)
    return sorted(strikes, key=lambda strike: strike.at)


def _dealt(
    chance: random.Random, seconds: float, faults: Sequence[str], kill_every: float, rounds: int
) -> Iterator[tuple[float, str]]:
    if "kill" in faults:
        # Evenly spread with a tremble: the mean holds however short the time is.
        for number in range(max(rounds, round(seconds / kill_every))):
            yield kill_every * (number + chance.uniform(0.0, 0.9)), "kill"
    others = [fault for fault in KINDS if fault in faults and fault != "kill"]
    if others:
        number = max(rounds * len(others), int(seconds / _SLOWEST))
        gap = seconds / number
        deck = itertools.islice(_shuffled_for_ever(chance, others), number)
        yield from ((gap * (place + chance.uniform(0.0, 0.9)), fault) for place, fault in enumerate(deck))


def _shuffled_for_ever(chance: random.Random, cards: Sequence[str]) -> Iterator[str]:
    while True:
        yield from chance.sample(cards, len(cards))


def _placed(
    chance: random.Random, at: float, fault: str, freeze: float, nodes: Sequence[str], before: Sequence[Strike]
) -> Strike:
    """The strike, at the first moment from `at` on when some target is free for it."""
    kind = KINDS[fault]
    longest = (freeze, freeze) if fault == "freeze" else kind.seconds
    seconds, luck = round(chance.uniform(*longest), 2), chance.randrange(2**32)
    targets = _with_nodes(kind.targets, nodes) if nodes else list(kind.targets)
    for delay in itertools.count():
        for target in chance.sample(targets, len(targets)):
            strike = Strike(
                at=round(at + delay * _DENSEST / 2, 2), fault=fault, target=target, seconds=seconds, chance=luck
            )
            if not any(_collide(strike, other) for other in before):
                return strike
    raise AssertionError("time goes on for ever")


def _with_nodes(targets: Sequence[str], nodes: Sequence[str]) -> list[str]:
    """Each node where there would be one broker; the links to it are not the proxy's."""
    kept = [target for target in targets if target != "broker" and target not in _BROKER_LINKS]
    return [*kept, *(nodes if "broker" in targets else ())]


def _collide(one: Strike, other: Strike) -> bool:
    return bool(one.holds & other.holds) and one.at < other.over and other.at < one.over
