"""What a service that was taken over would try on the broker, act by act: for tests that every node refuses it.

Each act is done on a channel of the service's own user. It raises what the broker answers; where the broker lets it
happen, it returns.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import amqp

from shared.messaging import topology

PREFIX = "trespass"
"""What new queues and exchanges are called after their owner: `tickets.trespass`, `orders.trespass.tickets`."""


_Do = Callable[[Any], object]


@dataclasses.dataclass(frozen=True)
class Act:
    """Something that the user `by` may not do."""

    by: str
    name: str
    do: _Do

    def __str__(self) -> str:
        return f"{self.by} {self.name}"


def acts(service: str) -> Iterator[Act]:
    """Everything that the permissions of `service` have to refuse, towards each other service."""
    for other in topology.SERVICES:
        if other != service:
            yield from _speaking(service, other)
            yield from _reading(service, other)
            yield from _declaring(service, other)
    yield from _by_the_default_exchange(service)


def essential_acts(service: str) -> Iterator[Act]:
    """One of each kind, towards the next service in the list: for nodes that are asked once more."""
    other = topology.SERVICES[(topology.SERVICES.index(service) + 1) % len(topology.SERVICES)]
    yield next(_speaking(service, other))
    yield next(_reading(service, other))
    yield next(_declaring(service, other))
    yield next(_by_the_default_exchange(service))


def say(
    exchange: str, body: str | bytes = "{}", *, routing_key: str = "", **properties: Any
) -> Callable[[Any], object]:
    """Publish and wait for the broker's word: without it a refusal would come after the test."""
    return lambda channel: channel.basic_publish_confirm(amqp.Message(body, **properties), exchange, routing_key)


def _speaking(service: str, other: str) -> Iterator[Act]:
    act = partial(Act, service)
    foreign = topology.exchange(other)
    yield act(f"says something on {foreign}", say(foreign))
    if service not in topology.peers(other):
        yield act(f"says something to {other} alone", say(topology.direct(other)))
    own = f"{service}.{PREFIX}.{other}"
    dead, unheard = {"x-dead-letter-exchange": foreign}, {"alternate-exchange": foreign}
    yield act(f"has its dead letters go to {foreign}", lambda channel: channel.queue_declare(own, arguments=dead))
    yield act(
        f"has what nobody hears go to {foreign}",
        lambda channel: channel.exchange_declare(own, "fanout", arguments=unheard),
    )
    yield act(
        f"binds its own exchange to {foreign}",
        lambda channel: channel.exchange_bind(foreign, source=topology.exchange(service)),
    )


def _reading(service: str, other: str) -> Iterator[Act]:
    act = partial(Act, service)
    inbox = topology.queues(service)[-1].name
    for queue in topology.queues(other):
        name = queue.name
        yield act(f"consumes {name}", partial(_on(name), "basic_consume"))
        yield act(f"takes one from {name}", partial(_on(name), "basic_get"))
        yield act(f"empties {name}", partial(_on(name), "queue_purge"))
        yield act(f"deletes {name}", partial(_on(name), "queue_delete"))
    unheard = [] if other in topology.LISTENS[service] else [topology.exchange(other)]
    for exchange in (*unheard, topology.direct(other)):
        yield act(f"overhears {exchange}", partial(_bind, inbox, exchange))


def _declaring(service: str, other: str) -> Iterator[Act]:
    act = partial(Act, service)
    name = f"{other}.{PREFIX}"
    yield act(f"declares the queue {name}", lambda channel: channel.queue_declare(name, durable=True))
    yield act(f"declares the exchange {name}", lambda channel: channel.exchange_declare(name, "fanout"))
    yield act(f"deletes {topology.exchange(other)}", lambda channel: channel.exchange_delete(topology.exchange(other)))
    near = f"{service}x.{PREFIX}"
    yield act(f"declares the queue {near}", lambda channel: channel.queue_declare(near, durable=True))


def _by_the_default_exchange(service: str) -> Iterator[Act]:
    for queue in topology.all_queues():
        yield Act(service, f"writes into {queue.name} past every exchange", say("", routing_key=queue.name))
    yield Act(service, "declares a queue that the broker names", lambda channel: channel.queue_declare(""))


def _on(queue: str) -> Callable[..., object]:
    return lambda method, channel: getattr(channel, method)(queue)


def _bind(queue: str, exchange: str, channel: Any) -> None:
    channel.queue_bind(queue, exchange)
