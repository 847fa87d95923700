"""The nodes of one broker: an address names them all, `amqp://…@one/market;amqp://…@two/market`, as kombu reads it."""

import random
import time

_REMEMBERED_SECONDS = 60.0


class Addresses:
    """Where to connect next: to any node, but to one that has just failed somebody only when the others are no better.

    A node that is cut off from its peers takes connections and answers heartbeats, so a refused dial is not the only
    failure that counts: so does a confirm that never came.
    """

    def __init__(self) -> None:
        self._failures: dict[str, float] = {}

    def to_try(self, url: str) -> list[str]:
        """Each address in `url` once, at random; those that have failed in the last minute behind, the latest last."""
        nodes = url.split(";")
        now = time.monotonic()
        since = {node: now - self._failures.get(node, float("-inf")) for node in nodes}
        return sorted(random.sample(nodes, len(nodes)), key=lambda node: -min(since[node], _REMEMBERED_SECONDS))

    def failed(self, node: str) -> None:
        """Somebody's connection to `node` was refused, was lost, or did not do what was asked of it."""
        self._failures[node] = time.monotonic()
