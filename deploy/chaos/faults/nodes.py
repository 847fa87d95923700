"""The nodes of a broker that is a cluster: one is killed, one loses the others, one loses everybody."""

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

import psutil

from deploy.chaos import market
from deploy.chaos.faults import base
from deploy.chaos.networks import Plug
from deploy.local import brokers, cluster

_WHOLE_WITHIN = 90.0


class LeaderKill(base.Fault):
    """`kill -9` of the node that leads a queue; the supervisor starts it again."""

    strikes: ClassVar = (brokers.CLUSTER,)

    def strike(self) -> str:
        self.market.wait_ready(*self.market.broker_processes)  # one may still be on its way back from a kill
        self._node = cluster.leader(self.market.home, self.market.nodes[0], self.target)
        return f"{self._node}, pid {self.market.kill(self._node)}"

    def heal(self) -> None:
        self.market.wait_ready(self._node)
        _wait_until_whole(self.market)


class _Unplugged(base.Fault):
    """Of the node that most services are connected to, so that there is somebody to suffer."""

    strikes: ClassVar = (brokers.CLUSTER,)
    plugs: ClassVar[Iterable[Plug]]

    def strike(self) -> str:
        self.market.wait_ready(*self.market.broker_processes)
        standing = [_connections(node) for node in self.market.nodes]
        self._place = standing.index(max(standing))
        self.market.plugs.pull(self._place, self.plugs)
        return f"{self._node.name}, to which {max(standing)} connections of services stand"

    def heal(self) -> None:
        try:
            others = cluster.running(self.market.home, self.market.nodes[self._place - 1])
        finally:
            self.market.plugs.plug(self._place, self.plugs)
        _wait_until_whole(self.market)
        if self._node.name in others:
            raise base.Missed("the others did not notice")

    @property
    def _node(self) -> cluster.Node:
        return self.market.nodes[self._place]


class Partition(_Unplugged):
    """A node loses the other two, and nobody else: services go on talking to it, and it cannot do what they ask."""

    plugs = (Plug.PEERS,)


class Isolation(_Unplugged):
    """A node loses everybody: the connections to it are half open."""

    plugs = tuple(Plug)


def _connections(node: cluster.Node) -> int:
    """Of services to the node, as this side of the network sees them."""
    return sum(
        seen.status == psutil.CONN_ESTABLISHED and seen.raddr[:1] == (node.address,)
        for seen in psutil.net_connections(kind="tcp")
    )


def _wait_until_whole(up: market.Market) -> None:
    """Until every node takes connections and knows all the others."""
    for node in up.nodes:
        takes = partial(cluster.answers, up.home, node)
        market.until(takes, seconds=_WHOLE_WITHIN, every=0.2, what=f"{node.name} to take connections")
    whole = sorted(cluster.names())
    market.until(
        lambda: cluster.running(up.home, up.nodes[0]) == whole, seconds=_WHOLE_WITHIN, every=0.2, what="all nodes"
    )
