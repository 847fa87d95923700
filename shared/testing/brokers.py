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
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

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
    """A node that loads the topology at every boot, with an epmd, a cookie and data that are its own."""

    home: Path
    port: int
    distribution_port: int
    epmd_port: int
    process: subprocess.Popen[bytes] | None = None
    epmd: subprocess.Popen[bytes] | None = None

    def url(self, user: str) -> str:
        password = PASSWORDS.get(user, ADMIN_PASSWORD)
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/{topology.VHOST}"

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
            waiting.until(self._answers, seconds=60, every=0.1, what="the scratch RabbitMQ node")
        except AssertionError:
            self.stop()
            raise

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the node and all that its start script has put into its session."""
        if self.process is None:
            return
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


def _script() -> str:
    """The node's own start script; the one on PATH insists on root or on the user rabbitmq."""
    found = _SCRIPT if Path(_SCRIPT).exists() else shutil.which("rabbitmq-server")
    if not found:
        raise NoRabbitMQ('rabbitmq-server is not installed; leave its tests out with -m "not rabbitmq"')
    return found


@contextlib.contextmanager
def rabbitmq() -> Iterator[RabbitMQ]:
    """A private node, gone with its data at the end of the block. Raises NoRabbitMQ."""
    _script()
    with tempfile.TemporaryDirectory(prefix="rabbit-", ignore_cleanup_errors=True) as name:
        node = RabbitMQ(Path(name), postgres.free_port(), postgres.free_port(), postgres.free_port())
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

    def install(self) -> None:
        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{self.database}"')
        pgmq.install(self.superuser_url, PASSWORDS)
