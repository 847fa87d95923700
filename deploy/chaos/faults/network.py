"""The network between a service and its database or the broker."""

from typing import ClassVar

from deploy.chaos import proxy
from deploy.chaos.faults import base


class _Network(base.Fault):
    mode: ClassVar[proxy.Mode]

    def strike(self) -> str:
        concerned = self.market.network.turn(self.target, self.mode)
        return f"{concerned} connections"

    def heal(self) -> None:
        self.market.network.turn(self.target, proxy.Mode.THROUGH)


class Cut(_Network):
    """Every connection is reset, and none can be made."""

    mode = proxy.Mode.CUT


class HalfOpen(_Network):
    """Connections stand and can be made, and nothing comes through."""

    mode = proxy.Mode.HALF_OPEN


class Slow(_Network):
    """Everything takes its time."""

    mode = proxy.Mode.SLOW
