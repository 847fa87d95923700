"""What a fault is: it strikes a target, sees that it really struck, and heals what it did."""

import random
from collections.abc import Sequence
from typing import ClassVar

from deploy.chaos import market, plan
from deploy.local import brokers

SINGLE = ("rabbitmq", "embedded")
"""The kinds of broker that are one process, called `broker`."""


class Missed(Exception):
    """The fault hurt nothing: its target was down already, or there was nothing to hurt it with."""


class Fault:
    """One strike of one kind. `heal` is called after its length, also when `strike` raised."""

    strikes: ClassVar[Sequence[str]] = (*SINGLE, brokers.CLUSTER)
    """The kinds of broker whose market it can hurt."""
    may_be_hit_again: ClassVar[bool] = False
    """Before it is healed: what is down only comes up again, and may be hit while it does."""

    def __init__(self, up: market.Market, strike: plan.Strike, ledger: "Ledger") -> None:
        self.market, self.target, self.ledger = up, strike.target, ledger
        self.chance = random.Random(strike.chance)

    @classmethod
    def missing(cls) -> str:
        """Why this fault cannot be had on this machine; empty where it can."""
        return ""

    def strike(self) -> str:
        """Hurt. What was done, for people; raises Missed where nothing was hurt."""
        raise NotImplementedError

    def heal(self) -> None:
        """Undo it, and wait until what was hurt works again. Nothing where it heals by itself."""


class Ledger:
    """What the faults did that the checks have to know."""

    def __init__(self) -> None:
        self.poison: dict[str, set[str]] = {}
        """By the event id of an injected message: the services in which it should be parked."""
        self.wiped: list[float] = []
        """When the broker, or a queue of it, lost what it held (seconds since the epoch)."""
        self.poisoned: dict[str, float] = {}
        """When each was known to be with the broker; before everything where that is not known."""
