"""The whole market as a list of steps."""

from deploy.local import brokers, databases, embedded, gateway, homes, ports, rabbitmq, services, spec
from deploy.local.refusals import Refusal


def market(
    home: homes.Home, *, port: int, broker: str, order_window: int | None = None, limits: bool = False
) -> services.Market:
    """Decide about broker and ports. Raises Refusal when the gateway's port is taken or a tool is missing."""
    if not ports.is_free(port):
        who = ports.holder(port)
        raise Refusal(
            f"Port {port} is in use.",
            why=f"{who or 'a process of another user'} listens on it.",
            do=f"end it, or choose another port: ./manage_all.py up --port {port + 1}",
        )
    kind = brokers.choose(home, broker)
    book = ports.Ports(home.ports)
    names = [f"{service}.{kind_}" for service in services.NAMES for kind_ in services.processes(service)]
    names += [f"{service}.postgres" for service in services.NAMES]
    names += {"rabbitmq": ["broker", "broker.epmd", "broker.distribution"], "embedded": ["broker"]}.get(kind, [])
    return services.Market(
        home=home,
        ports={name: book.take(name) for name in names},
        port=port,
        broker=kind,
        order_window=order_window,
        limits=limits,
    )


def steps(market: services.Market) -> list[spec.Step]:
    """Everything, in an order in which it could be started."""
    instances = {service: market.ports[f"{service}.postgres"] for service in services.NAMES}
    if market.broker == "embedded":
        instances["broker"] = market.ports["broker"]
    listed = databases.steps(market.home, ports=instances)
    ready = "databases"
    if market.broker == "embedded":
        listed += embedded.steps(market.home, port=market.ports["broker"])
        ready = "broker.queues"
    elif market.broker == "rabbitmq":
        listed += rabbitmq.steps(
            market.home,
            port=market.ports["broker"],
            distribution=market.ports["broker.distribution"],
            mapper=market.ports["broker.epmd"],
        )
        ready = "broker"
    listed += services.steps(market, broker_ready=ready)
    listed += gateway.steps(market)
    return listed
