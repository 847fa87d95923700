"""The whole market as a list of steps."""

from collections.abc import Mapping
from typing import Any

import msgspec

from deploy.local import brokers, cluster, databases, embedded, gateway, homes, ports, rabbitmq, services, spec
from deploy.local.refusals import Refusal


def market(
    home: homes.Home,
    *,
    port: int,
    broker: str,
    order_window: int | None = None,
    limits: bool = False,
    identity: str = "local",
    https: bool = False,
    rig: Mapping[str, Any] | None = None,
) -> services.Market:
    """Decide about broker and ports; `rig` holds members of services.Rig.

    Raises Refusal when the gateway's port is taken or a tool is missing.
    """
    if not ports.is_free(port):
        who = ports.holder(port)
        raise Refusal(
            f"Port {port} is in use.",
            why=f"{who or 'a process of another user'} listens on it.",
            do=f"end it, or choose another port: ./manage_all.py up --port {port + 1}",
        )
    kind = brokers.choose(home, broker)
    book = ports.Ports(home.ports)
    names = [name for service in services.NAMES for name in listening(service)]
    names += {"rabbitmq": ["broker", "broker.epmd", "broker.distribution"], "embedded": ["broker"]}.get(kind, [])
    return services.Market(
        home=home,
        ports={name: book.take(name) for name in names},
        port=port,
        broker=kind,
        order_window=order_window,
        limits=limits,
        identity=identity,
        https=https,
        rig=msgspec.convert(rig or {}, services.Rig),
    )


def listening(service: str) -> list[str]:
    """The names of the processes of `service` that are each given a port."""
    return [f"{service}.{kind}" for kind in ("postgres", *services.processes(service))]


def steps(market: services.Market) -> list[spec.Step]:
    """Everything, in an order in which it could be started."""
    instances = {service: market.ports[f"{service}.postgres"] for service in services.NAMES}
    listed = databases.steps(market.home, ports=instances, environments=market.rig.databases)
    ready = "databases"
    if market.broker == "embedded":
        listed += embedded.steps(market.home, port=market.ports["broker"])
        ready = "broker"
    elif market.broker == "rabbitmq":
        listed += rabbitmq.steps(
            market.home,
            port=market.ports["broker"],
            distribution=market.ports["broker.distribution"],
            mapper=market.ports["broker.epmd"],
        )
        ready = "broker"
    elif market.broker == "cluster":
        listed += cluster.steps(market.home, market.rig.nodes)
        ready = "broker"
    for service in services.NAMES:
        listed += services.steps(market, service, broker_ready=ready)
    listed += gateway.steps(market)
    return listed
