"""Brokers of one's own: a private RabbitMQ node, and pgmq in a database of a scratch PostgreSQL."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import amqp
import psycopg
from psycopg import sql

from shared.messaging import topology
from shared.messaging.brokers import pgmq
from shared.testing import postgres, waiting

PASSWORDS = {service: f"{service}-secret" for service in topology.SERVICES}
ADMIN_PASSWORD = "admin-secret"  # noqa: S105 - of a node that lives as long as the test
_SCRIPT = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class NoRabbitMQ(RuntimeError):
    """rabbitmq-server is not installed on this machine."""


@dataclasses.dataclass
class RabbitMQ:
    """A node at `host`:`port` that has loaded `topology.definitions(PASSWORDS, admin_password=ADMIN_PASSWORD)`."""

    host: str
    port: int

    def url(self, user: str, *, vhost: str = topology.VHOST) -> str:
        return f"amqp://{user}:{PASSWORDS.get(user, ADMIN_PASSWORD)}@{self.host}:{self.port}/{vhost}"

    def reset(self) -> None:
        """Every queue there, bound and empty; waits until the readers of the test before are gone.

        Queues are not made afresh: RabbitMQ 3.10 cannot recover one that was deleted, declared again and then hit by
        a SIGKILL within half a second (rabbitmq/ra#443), and answers INTERNAL_ERROR to every consumer of it.
        """
        with self.administration() as channel:
            for service in topology.SERVICES:
                for name in (topology.exchange(service), topology.direct(service)):
                    channel.exchange_declare(name, "fanout", durable=True, auto_delete=False)
            for queue in topology.all_queues():
                kind = {"durable": True, "auto_delete": False, "arguments": dict(topology.QUEUE_ARGUMENTS)}
                unread = partial(_has_no_reader, channel, queue.name, kind)
                waiting.until(unread, what=f"the readers of {queue.name} to go")
                for source in queue.exchanges:
                    channel.queue_bind(queue.name, source)
                channel.queue_purge(queue.name)

    def drop(self, queue: str) -> None:
        with self.administration() as channel:
            channel.queue_delete(queue)

    @contextlib.contextmanager
    def administration(self, user: str = "admin") -> Iterator[Any]:
        """A channel for what only tests do."""
        password = PASSWORDS.get(user, ADMIN_PASSWORD)
        where = f"{self.host}:{self.port}"
        with amqp.Connection(
            where, virtual_host=topology.VHOST, login_method="PLAIN", userid=user, password=password
        ) as connection:
            yield connection.channel()


@dataclasses.dataclass
class PrivateRabbitMQ(RabbitMQ):
    """A node of one's own that can be killed: its epmd, its cookie and its data are nobody else's."""

    home: Path
    distribution_port: int
    epmd_port: int
    process: subprocess.Popen[bytes] | None = None
    epmd: subprocess.Popen[bytes] | None = None
    born: float = 0.0

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        definitions = topology.definitions(PASSWORDS, admin_password=ADMIN_PASSWORD)
        (self.home / "definitions.json").write_text(json.dumps(definitions))
        (self.home / "rabbitmq.conf").write_text(f"load_definitions = {self.home / 'definitions.json'}\n")
        (self.home / "enabled_plugins").write_text("[].\n")
        with (self.home / "log").open("ab") as log:
            how: dict[str, Any] = {
                "env": self._environment(),
                "stdout": log,
                "stderr": log,
                "start_new_session": True,
            }
            # The node would start an epmd that outlives it and that nobody could end by its pid.
            self.epmd = self.epmd or subprocess.Popen(["epmd"], **how)
            self.process = subprocess.Popen([_script()], **how)
        try:
            waiting.until(self._answers, seconds=90, every=0.1, what="the scratch RabbitMQ node")
            self.born = time.monotonic()
        except AssertionError:
            self.stop()
            raise

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the node and all that its start script has put into its session."""
        if self.process is None:
            return
        # RabbitMQ 3.10 loses queues that are younger than half a second: their names are saved late.
        waiting.until(lambda: time.monotonic() - self.born > 1, what="the names of the queues to be saved")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        self.process.wait(timeout=30)
        self.process = None

    def end(self) -> None:
        """End the node and its epmd for good."""
        self.stop()
        if self.epmd is not None:
            self.epmd.kill()
            self.epmd.wait(timeout=10)
            self.epmd = None

    def _environment(self) -> dict[str, str]:
        own = {
            "CONF_ENV_FILE": os.devnull,
            "NODENAME": f"admit-{self.port}@localhost",
            "NODE_IP_ADDRESS": "127.0.0.1",
            "NODE_PORT": str(self.port),
            "DIST_PORT": str(self.distribution_port),
            "MNESIA_BASE": str(self.home / "data"),
            "LOG_BASE": str(self.home),
            "LOGS": "-",
            "CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "PID_FILE": str(self.home / "pid"),
            "SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        plain = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        epmd = {"ERL_EPMD_PORT": str(self.epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        return {**plain, **epmd, **{f"RABBITMQ_{name}": value for name, value in own.items()}}

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"RabbitMQ ended at start:\n{(self.home / 'log').read_text()[-3000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return len(probe.recv(8)) > 0
        return False


def _has_no_reader(channel: Any, name: str, kind: dict[str, Any]) -> bool:
    return bool(channel.queue_declare(name, **kind).consumer_count == 0)


def _script() -> str:
    """The node's own start script; the one on PATH insists on root or on the user rabbitmq."""
    found = _SCRIPT if Path(_SCRIPT).exists() else shutil.which("rabbitmq-server")
    if not found:
        raise NoRabbitMQ('rabbitmq-server is not installed; leave its tests out with -m "not rabbitmq"')
    return found


@contextlib.contextmanager
def rabbitmq() -> Iterator[RabbitMQ]:
    """The node at TEST_RABBITMQ_URL (`amqp://host:port`), else a private one. Raises NoRabbitMQ."""
    if given := os.environ.get("TEST_RABBITMQ_URL"):
        place = urlsplit(given)
        yield RabbitMQ(place.hostname or "127.0.0.1", place.port or 5672)
        return
    with private_rabbitmq() as node:
        yield node


@contextlib.contextmanager
def private_rabbitmq() -> Iterator[PrivateRabbitMQ]:
    """A node of one's own, gone with its data at the end of the block. Raises NoRabbitMQ."""
    _script()
    with tempfile.TemporaryDirectory(prefix="rabbit-", ignore_cleanup_errors=True) as name:
        ports = postgres.free_port(), postgres.free_port(), postgres.free_port()
        node = PrivateRabbitMQ("127.0.0.1", ports[0], Path(name), ports[1], ports[2])
        try:
            node.start()
            yield node
        finally:
            node.end()


@dataclasses.dataclass(frozen=True)
class Pgmq:
    """The embedded broker in a database of the server at `address` (a superuser's, without a database)."""

    address: str
    database: str = "broker"

    @property
    def superuser_url(self) -> str:
        return f"{self.address}/{self.database}"

    def url(self, user: str) -> str:
        place = urlsplit(self.address)
        return f"pgmq://{user}:{PASSWORDS[user]}@{place.hostname}:{place.port}/{self.database}"

    def reset(self) -> None:
        """Every queue there, bound and empty."""
        pgmq.install(self.superuser_url, PASSWORDS)
        with self.administration() as connection:
            # One after the other: whoever uses two of them meanwhile must not be locked out, nor lock out this.
            for queue in topology.all_queues():
                table = sql.Identifier("pgmq", f"q_{pgmq.queue_name(queue.name)}")
                connection.execute(sql.SQL("DELETE FROM {}").format(table))

    def drop(self, queue: str) -> None:
        with self.administration() as connection:
            connection.execute("SELECT pgmq.drop_queue(%s)", (pgmq.queue_name(queue),))

    def administration(self, user: str | None = None) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection for what only tests do, as the superuser unless another is named."""
        url = self.url(user).replace("pgmq", "postgresql", 1) if user else self.superuser_url
        return psycopg.connect(url, autocommit=True)

    def install(self) -> None:
        """Make the database afresh with all of the topology."""
        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{self.database}"')
        pgmq.install(self.superuser_url, PASSWORDS)
