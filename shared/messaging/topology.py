"""Who says what to whom, as data: the one place where exchanges, queues, bindings and permissions are named.

Three readers: RabbitMQ, which loads `definitions()` at every boot and so heals a wipe; each service, which
declares its own queues at start; the set-up of local mode, which makes the queues of the embedded broker.
"""

import base64
import dataclasses
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

VHOST = "market"
LISTENS: dict[str, tuple[str, ...]] = {
    "auth": (),
    "tickets": ("auth", "orders"),
    "orders": ("auth", "tickets", "payments"),
    "payments": ("auth", "orders"),
}
SERVICES = tuple(LISTENS)
CELERY_VHOSTS = ("auth", "payments")

# Quorum queues of RabbitMQ 4 drop a message after 20 redeliveries; a consumer killed 20 times is no reason.
QUEUE_ARGUMENTS = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


@dataclasses.dataclass(frozen=True)
class Queue:
    """A queue of one service and the exchanges it hears."""

    name: str
    owner: str
    exchanges: tuple[str, ...]


def exchange(service: str) -> str:
    """The fanout exchange on which `service` says everything it has to say."""
    return f"{service}.events"


def direct(service: str) -> str:
    """The fanout exchange on which others say something to `service` alone: they ask for a replay, or answer."""
    return f"{service}.direct"


def peers(service: str) -> tuple[str, ...]:
    """Whom `service` listens to, and who listens to it: the others that it ever has to write to."""
    return tuple(name for name in SERVICES if name in LISTENS[service] or service in LISTENS[name])


def queues(service: str) -> tuple[Queue, ...]:
    """What `service` reads: auth's events on a queue of their own, so that no backlog delays a ban."""
    others = tuple(exchange(name) for name in LISTENS[service] if name != "auth")
    inbox = Queue(f"{service}.inbox", service, (*others, direct(service)))
    identity = Queue(f"{service}.identity", service, (exchange("auth"),))
    return (identity, inbox) if "auth" in LISTENS[service] else (inbox,)


def all_queues() -> tuple[Queue, ...]:
    return tuple(queue for service in SERVICES for queue in queues(service))


def listeners(exchange_name: str) -> frozenset[str]:
    """The names of the queues that everything said on the exchange must reach."""
    return frozenset(queue.name for queue in all_queues() if exchange_name in queue.exchanges)


def speakers(exchange_name: str) -> tuple[str, ...]:
    """The services that may write to the exchange: its owner, or, where it is a direct one, the owner's peers."""
    service, _, kind = exchange_name.partition(".")
    return peers(service) if kind == "direct" else (service,)


def permissions(service: str) -> dict[str, str]:
    """RabbitMQ's three patterns for the user `service` in the vhost of the market."""
    own = rf"{re.escape(service)}\..*"
    heard = [re.escape(exchange(name)) for name in LISTENS[service]]
    spoken_to = [re.escape(direct(name)) for name in peers(service)]
    return {"configure": f"^{own}$", "write": _any_of(own, *spoken_to), "read": _any_of(own, *heard)}


def definitions(passwords: Mapping[str, str], *, admin_password: str) -> dict[str, Any]:
    """The broker's whole state as RabbitMQ's definitions.json, for `load_definitions`.

    `passwords`: one for each of SERVICES; only their salted hashes get into the result.
    https://www.rabbitmq.com/docs/definitions
    """
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    vhosts = (VHOST, *CELERY_VHOSTS)
    return {
        "vhosts": [{"name": name} for name in vhosts],
        "users": [
            *(_user(name, passwords[name], tags=[]) for name in SERVICES),
            _user("admin", admin_password, tags=["administrator"]),
        ],
        "permissions": [
            *({"user": name, "vhost": VHOST, **permissions(name)} for name in SERVICES),
            *({"user": name, "vhost": name, **everything} for name in CELERY_VHOSTS),
            *({"user": "admin", "vhost": name, **everything} for name in vhosts),
        ],
        "exchanges": [_exchange(kind(name)) for name in SERVICES for kind in (exchange, direct)],
        "queues": [_queue(queue) for queue in all_queues()],
        "bindings": list(_bindings(all_queues())),
    }


def _any_of(*patterns: str) -> str:
    return f"^({'|'.join(patterns)})$"


def _user(name: str, password: str, *, tags: list[str]) -> dict[str, Any]:
    salt = secrets.token_bytes(4)
    digest = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    algorithm = "rabbit_password_hashing_sha256"
    return {"name": name, "password_hash": digest, "hashing_algorithm": algorithm, "tags": tags}


def _exchange(name: str) -> dict[str, Any]:
    kind = {"type": "fanout", "durable": True, "auto_delete": False, "internal": False}
    return {"name": name, "vhost": VHOST, **kind, "arguments": {}}


def _queue(queue: Queue) -> dict[str, Any]:
    kind = {"durable": True, "auto_delete": False}
    return {"name": queue.name, "vhost": VHOST, **kind, "arguments": QUEUE_ARGUMENTS}


def _bindings(queues: Iterable[Queue]) -> Iterable[dict[str, Any]]:
    for queue in queues:
        for source in queue.exchanges:
            target = {
                "destination": queue.name,
                "destination_type": "queue",
                "routing_key": "",
                "arguments": {},
            }
            yield {"source": source, "vhost": VHOST, **target}
