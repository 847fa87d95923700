"""Three RabbitMQ nodes that are one broker, each in a network namespace of its own, as on machines of their own.

For those who test a market: whoever starts it has made the namespaces, and can pull their plugs.
"""

import dataclasses
import json
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from deploy.local import brokers, files, homes, ports, rabbitmq, spec
from deploy.local.refusals import Refusal
from shared.messaging import topology
from shared.testing import postgres

SIZE = 3
NOTICED_WITHIN = 15
"""Seconds in which a node notices that another is silent (`net_ticktime` and the quarter more that it allows)."""
_PORT, _DISTRIBUTION, _MAPPER = 5672, 25672, 4369
_CLI_SECONDS = 60


@dataclasses.dataclass(frozen=True, kw_only=True)
class Node:
    """Where one node lives."""

    name: str
    """Of its process: `broker.1`."""
    namespace: str
    """The path of its network namespace."""
    peer: str
    """Its address among the nodes."""
    address: str
    """Its address for everybody else."""

    @property
    def host(self) -> str:
        """How the nodes call its machine."""
        return self.name.replace(".", "-")

    @property
    def id(self) -> str:
        """Its name in Erlang."""
        return f"admit-one@{self.host}"


def names() -> list[str]:
    return [f"broker.{number}" for number in range(1, SIZE + 1)]


def steps(home: homes.Home, nodes: Sequence[Node]) -> list[spec.Step]:
    """The nodes with a port mapper each, and the definitions, which are loaded when all three are there.

    Not at the boot of the first: a quorum queue that is declared then is kept on that one node for ever.
    """
    settings = spec.Job(name="broker.settings", action=partial(_write_settings, home, nodes))
    listed: list[spec.Step] = [settings]
    for node in nodes:
        mapper = _process(home, node, f"{node.name}.epmd", [rabbitmq.mapper()], port=_MAPPER, after=settings.name)
        ready = partial(answers, home, node)
        server = _process(home, node, node.name, [str(brokers.program())], port=_PORT, after=mapper.name)
        listed += [mapper, dataclasses.replace(server, ready=ready, end_within=30)]
    after = [node.name for node in nodes]
    return [*listed, spec.Job(name="broker", after=after, action=partial(_load, home, nodes))]


def url(home: homes.Home, nodes: Sequence[Node], service: str, *, vhost: str = topology.VHOST) -> str:
    """The addresses of all nodes for one service's user."""
    return ";".join(rabbitmq.url(home, service, _PORT, host=node.address, vhost=vhost) for node in nodes)


def answers(home: homes.Home, node: Node) -> bool:
    """Whether the node takes connections: one that has paused itself does not."""
    return rabbitmq.lets_in(home, "admin", host=node.address, port=_PORT)


def leader(home: homes.Home, seen_from: Node, queue: str) -> str:
    """The process name of the node that leads `queue`. Raises LookupError where there is none."""
    rows = _ask(home, seen_from, "rabbitmq-queues", "quorum_status", queue, "--vhost", topology.VHOST)
    for row in rows:
        if row["Raft State"] == "leader":
            return _process_name(row["Node Name"])
    raise LookupError(f"{queue} has no leader: {rows}")


def members(home: homes.Home, seen_from: Node, queue: str) -> list[str]:
    """The process names of the nodes that keep `queue`."""
    rows = _ask(home, seen_from, "rabbitmq-queues", "quorum_status", queue, "--vhost", topology.VHOST)
    return sorted(_process_name(row["Node Name"]) for row in rows)


def running(home: homes.Home, seen_from: Node) -> list[str]:
    """The process names of the nodes that are up as far as `seen_from` knows."""
    status = _ask(home, seen_from, "rabbitmqctl", "cluster_status")
    return sorted(map(_process_name, status["running_nodes"]))


def _process_name(node_id: str) -> str:
    return node_id.partition("@")[2].replace("-", ".")


def _process(home: homes.Home, node: Node, name: str, line: Sequence[str], *, port: int, after: str) -> spec.Process:
    return spec.Process(
        name=name,
        after=[after],
        line=[*_inside(node), *line],
        environment=_environment(home, node),
        cwd=home.broker / node.host,
        port=port,
        ready=partial(ports.answers, node.address, port),
    )


def _inside(node: Node) -> list[str]:
    """What runs the rest of a line in the node's network, as the brokers' user, and ends it with its parent."""
    account = postgres.account() or pwd.getpwuid(0).pw_name
    group = str(pwd.getpwnam(account).pw_gid)
    who = ["setpriv", f"--reuid={account}", f"--regid={group}", "--clear-groups", "--pdeathsig=TERM", "--"]
    return ["nsenter", f"--net={node.namespace}", "--", *who]


def _environment(home: homes.Home, node: Node) -> dict[str, str]:
    place = home.broker / node.host
    return {
        **rabbitmq.environment(place, node=node.id, port=_PORT, distribution=_DISTRIBUTION, mapper=_MAPPER),
        "ERL_INETRC": str(place / "hosts"),
    }


def _write_settings(home: homes.Home, nodes: Sequence[Node]) -> None:
    texts = {
        "definitions.json": rabbitmq.definitions(home),
        "enabled_plugins": "[].\n",
        "hosts": _hosts(nodes),
        "rabbitmq.conf": "\n".join([*_settings(home, nodes), ""]),
        ".erlang.cookie": home.secret("broker.cookie"),
    }
    for node in nodes:
        place = files.directory(home.broker / node.host)
        home.give(place)
        for name, text in texts.items():
            files.write(place / name, text)
            home.give(place / name)


def _settings(home: homes.Home, nodes: Sequence[Node]) -> list[str]:
    return [
        "cluster_formation.peer_discovery_backend = classic_config",
        *(f"cluster_formation.classic_config.nodes.{place} = {node.id}" for place, node in enumerate(nodes, 1)),
        "cluster_partition_handling = pause_minority",
        f"net_ticktime = {NOTICED_WITHIN * 4 // 5}",
        "queue_leader_locator = balanced",
        f"default_vhost = {topology.VHOST}",
        "default_user = admin",
        f"default_pass = {home.secret('broker.admin')}",
        "log.console = true",
        "log.console.level = info",
    ]


def _hosts(nodes: Sequence[Node]) -> str:
    known = [f'{{host, {{{node.peer.replace(".", ",")}}}, ["{node.host}"]}}.' for node in nodes]
    return "\n".join([*known, "{lookup, [file, native]}.", ""])


def _load(home: homes.Home, nodes: Sequence[Node]) -> None:
    first = nodes[0]
    if len(there := running(home, first)) != len(nodes):
        raise Refusal("The nodes are not one broker.", why=f"{first.name} knows only {', '.join(there)}.")
    _run(home, first, "rabbitmqctl", "import_definitions", str(home.broker / first.host / "definitions.json"))


def _ask(home: homes.Home, node: Node, program: str, *arguments: str) -> Any:
    """What a tool of RabbitMQ says of a node. Raises Refusal."""
    return json.loads(_run(home, node, program, "--formatter", "json", *arguments))


def _run(home: homes.Home, node: Node, program: str, *arguments: str) -> str:
    line = [*_inside(node), str(brokers.program_of(program)), "--quiet", *arguments]
    how: Mapping[str, Any] = {"cwd": home.broker / node.host, "env": _environment(home, node)}
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=_CLI_SECONDS, **how)
    if done.returncode != 0:
        raise Refusal(f"{program} {' '.join(arguments)} failed.", why=(done.stdout + done.stderr).strip())
    return str(done.stdout)
