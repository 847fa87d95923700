"""A private RabbitMQ node: its own name, cookie, ports and port mapper, loopback only, no plugin, never root."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

import amqp
from amqp.exceptions import AMQPError

from deploy.local import brokers, child, files, homes, ports, spec
from deploy.local.refusals import Refusal
from shared.messaging import topology
from shared.testing import postgres

_DEFINITIONS = "definitions.json"
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
QUIET = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
"""Two schedulers that do not spin while idle."""


def steps(home: homes.Home, *, port: int, distribution: int, mapper: int) -> list[spec.Step]:
    """The node, and the port mapper (epmd) that it would otherwise leave running for ever."""
    environment = _environment(home, port, distribution, mapper)
    return [
        spec.Job(name="broker.settings", action=partial(_write_settings, home, port)),
        _mapper(home, mapper, environment),
        spec.Process(
            name="broker",
            after=["broker.settings", "broker.epmd"],
            line=[str(brokers.program())],
            environment=environment,
            cwd=home.broker,
            port=port,
            user=postgres.account(),
            ready=partial(_answers, home, port),
            end_within=30,
        ),
    ]


def load(home: homes.Home, *, ports: Mapping[str, int]) -> spec.Job:
    """Has the node that runs take up the topology of today, and every later start of it too."""
    return spec.Job(name="broker.definitions", after=["broker"], action=partial(_load, home, ports))


def tool(home: homes.Home, ports: Mapping[str, int], name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of RabbitMQ's own, such as `rabbitmqctl`, on the node. Raises Refusal where it is missing."""
    environment = _environment(home, ports["broker"], ports["broker.distribution"], ports["broker.epmd"])
    # Else the tool, a node itself while it runs, would listen on every address.
    environment["RABBITMQ_CTL_ERL_ARGS"] = _LOOPBACK
    line = [str(brokers.program_of(name)), "--quiet", *arguments]
    how = {"cwd": home.broker, "env": environment, **child.identity(postgres.account())}
    return subprocess.run(line, check=False, capture_output=True, text=True, **how)


def _load(home: homes.Home, ports: Mapping[str, int]) -> None:
    _write_settings(home, ports["broker"])
    done = tool(home, ports, "rabbitmqctl", "import_definitions", str(home.broker / _DEFINITIONS))
    if done.returncode != 0:
        raise Refusal("RabbitMQ did not take the new definitions.", why=(done.stdout + done.stderr).strip())


def url(home: homes.Home, service: str, port: int, *, host: str = "127.0.0.1", vhost: str = "market") -> str:
    """The node's address for one service's user."""
    password = quote(home.secret(f"broker.{service}"), safe="")
    return f"amqp://{service}:{password}@{host}:{port}/{vhost}"


def mapper() -> str:
    """Erlang's port mapper. Raises Refusal."""
    if found := shutil.which("epmd"):
        return found
    raise Refusal(
        "epmd, Erlang's port mapper, is missing.",
        why="it comes with Erlang, which RabbitMQ runs on.",
        do="apt-get install erlang-base, or use --broker embedded.",
    )


def _mapper(home: homes.Home, port: int, environment: Mapping[str, str]) -> spec.Process:
    return spec.Process(
        name="broker.epmd",
        line=[mapper(), "-address", "127.0.0.1", "-port", str(port)],
        environment=environment,
        cwd=home.broker,
        port=port,
        user=postgres.account(),
        ready=partial(_listens, port),
    )


def _environment(home: homes.Home, port: int, distribution: int, mapper: int) -> dict[str, str]:
    return {
        **environment(home.broker, node="admit-one@localhost", port=port, distribution=distribution, mapper=mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{QUIET} {_LOOPBACK}",
    }


def environment(place: Path, *, node: str, port: int, distribution: int, mapper: int) -> dict[str, str]:
    """What a node is told that keeps everything it has in `place`, nothing of this machine's own RabbitMQ among it."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(place),
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(place / "mnesia"),
        "RABBITMQ_LOG_BASE": str(place / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(place / "node.pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": QUIET,
        # The start script then becomes the node instead of watching over it: its pid is the node's.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


def _write_settings(home: homes.Home, port: int) -> None:
    place = home.broker
    texts = {
        _DEFINITIONS: definitions(home),
        "enabled_plugins": "[].\n",
        "rabbitmq.conf": "\n".join(
            (
                f"listeners.tcp.local = 127.0.0.1:{port}",
                f"load_definitions = {place / _DEFINITIONS}",
                "log.console = true",
                "log.console.level = warning",
                "",
            )
        ),
    }
    for name, text in texts.items():
        files.write(place / name, text)
        home.give(place / name)


def definitions(home: homes.Home) -> str:
    """The topology with this market's own passwords, as RabbitMQ reads it."""
    passwords = {service: home.secret(f"broker.{service}") for service in topology.LISTENS}
    return json.dumps(topology.definitions(passwords, admin_password=home.secret("broker.admin")), indent=1)


def _answers(home: homes.Home, port: int) -> bool:
    """Whether a service can sign in: the port opens after the definitions are loaded."""
    return lets_in(home, "orders", host="127.0.0.1", port=port)


def lets_in(home: homes.Home, user: str, *, host: str, port: int) -> bool:
    """Whether a node answers there and takes `user` in."""
    try:
        with amqp.Connection(
            f"{host}:{port}",
            userid=user,
            password=home.secret(f"broker.{user}"),
            virtual_host="market",
            connect_timeout=2,
        ):
            return True
    except (OSError, AMQPError):
        return False


def _listens(port: int) -> bool:
    return not ports.is_free(port)
