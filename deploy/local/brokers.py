"""The broker of a market: a private RabbitMQ node, pgmq on an instance of its own, or one given by address."""

import os
import shutil
from pathlib import Path

from deploy.local import files, homes
from deploy.local.refusals import Refusal

KINDS = ("auto", "rabbitmq", "embedded")
CLUSTER = "cluster"
"""Three nodes, for a market that is to be hurt: no other one has the network for it."""
_PROGRAMS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/usr/local/sbin/rabbitmq-server",
    "/opt/homebrew/sbin/rabbitmq-server",
)


def choose(home: homes.Home, asked: str) -> str:
    """`rabbitmq`, `embedded` or `given`, from what was asked, what this market used before and what is installed.

    What it used before comes before what is installed: messages may wait there. Raises Refusal.
    """
    used = home.path / "broker.used"
    kind = asked
    if asked == "auto":
        before = used.read_text().strip() if used.exists() else ""
        kind = "given" if os.environ.get("BROKER_URL") else before
        if kind in ("", "rabbitmq") and not program():
            kind = "embedded"
        kind = kind or "rabbitmq"
    if kind in ("rabbitmq", CLUSTER) and not program():
        raise Refusal(
            "There is no RabbitMQ on this machine.",
            why="rabbitmq-server was not found where its packages put it, nor on the PATH.",
            do="apt-get install rabbitmq-server, or use --broker embedded, which needs nothing.",
        )
    if kind != "given":
        files.write(used, kind)
    return kind


def program_of(name: str) -> Path:
    """Another program of the same RabbitMQ, such as rabbitmqctl. Raises Refusal."""
    server = program()
    if server is None or not (found := server.with_name(name)).exists():
        raise Refusal(f"RabbitMQ's {name} is missing.", why="it belongs beside rabbitmq-server.")
    return found


def program() -> Path | None:
    """The server's own start script: Debian's /usr/sbin one insists on being root or rabbitmq and on one cookie."""
    for candidate in _PROGRAMS:
        if Path(candidate).exists():
            return Path(candidate)
    found = shutil.which("rabbitmq-server")
    return Path(found).resolve() if found and not found.startswith("/usr/sbin") else None
