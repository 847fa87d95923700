"""The market of deploy/compose for a session of tests, with the interface of `market.Market` as far as it makes sense.

Its project has a name, an address and secrets of its own, so that no other one is touched. A process is named as in
local mode, `orders.web`; there may be several containers of it. Needs root, and the engine on this machine: containers
are reached and killed without it.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy.airgap import engine, images
from deploy.compose import secret_files, stack
from deploy.local import audit, homes, ports, services
from deploy.local.refusals import Refusal
from shared.testing import waiting

_AUDIT_SECONDS = 30.0
_ENDPOINTS_END_WITHIN_SECONDS = 5.0


class Market:
    """A market in containers that is up, and the means to hurt it."""

    broker = "rabbitmq"
    identity = "local"
    is_https = False

    def __init__(self, project: stack.Stack, *, url: str, secrets: Path) -> None:
        self.stack, self.url, self.secrets = project, url, secrets
        self._project = project.environment["COMPOSE_PROJECT_NAME"]
        self._killed: dict[str, set[int]] = {}

    def client(self, of: type[httpx.Client] = httpx.Client, **options: Any) -> httpx.Client:
        """A client of the gateway with a cookie jar of its own; `options` are httpx.Client's."""
        return of(**{"base_url": self.url, "timeout": 15.0, **options})

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def containers(self, name: str) -> list[dict[str, Any]]:
        """What the engine knows of the containers of `name`, those that do not run included."""
        # Not by docker-compose, which takes a second to read its files.
        labels = {"project": self._project, "service": _compose_name(name), "oneoff": "False"}
        filters = [f"--filter=label=com.docker.compose.{label}={value}" for label, value in labels.items()]
        found = self.stack.docker("ps", "--all", "--quiet", *filters).split()
        inspected: list[dict[str, Any]] = json.loads(self.stack.docker("inspect", *found)) if found else []
        return inspected

    def address(self, name: str, network: str) -> str:
        """The address of the first container of `name` on `network`, to be reached from this machine."""
        return self.addresses(name, network)[0]

    def addresses(self, name: str, network: str) -> list[str]:
        """The same of every container of `name`."""
        return [_address(one, network) for one in self.containers(name)]

    def row(self, name: str) -> dict[str, Any]:
        """Of the first container of `name`: its pid, and where it can be asked."""
        first = self.containers(name)[0]
        service = name.partition(".")[0]
        return {"pid": first["State"]["Pid"], "url": f"http://{_address(first, service)}:8000"}

    def dsn(self, service: str) -> str:
        """The address of a service's database, for its own role."""
        told = urlsplit(self.secret(f"{service}.database_url"))
        place = self.address(f"{service}.postgres", f"{service}-data")
        return told._replace(netloc=f"{told.username}:{told.password}@{place}:{told.port}").geturl()

    def kill(self, *names: str) -> None:
        """`kill -9` all containers of `names`: by their pids, for the engine starts none again that it has killed."""
        for name in names:
            pids = {one["State"]["Pid"] for one in self.containers(name)} - {0}
            self._killed[name] = pids
            for pid in pids:
                os.kill(pid, signal.SIGKILL)

    def kill_at(self, address: str, name: str) -> None:
        """`kill -9` the one container of `name` that has the address."""
        (victim,) = (one for one in self.containers(name) if _address(one, name.partition(".")[0]) == address)
        self._killed[name] = {victim["State"]["Pid"]}
        os.kill(victim["State"]["Pid"], signal.SIGKILL)

    def logs(self, container: str) -> str:
        """All that one container has said, on either stream."""
        line = ["docker", "logs", container]
        done = subprocess.run(line, env=self.stack.environment, check=True, capture_output=True, text=True)
        return done.stdout + done.stderr

    def stop(self, *names: str) -> None:
        """End `names`, at the same time, for as long as nobody calls `start`."""
        self.stack.compose("stop", *map(_compose_name, names))

    def start(self, *names: str) -> None:
        """Start what was stopped, at the same time; returns when all are ready."""
        self.stack.compose("start", *map(_compose_name, names))
        for name in names:
            self.wait_ready(name)

    @contextlib.contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Hold those processes where they are; what they would say and hear meanwhile comes late."""
        listed = [_compose_name(name) for name in names]
        with contextlib.ExitStack() as thaw:
            if listed:  # compose would take none for all
                thaw.callback(self.stack.compose, "unpause", *listed)
                self.stack.compose("pause", *listed)
            yield

    def wait_ready(self, name: str, *, seconds: float = 120.0) -> None:
        """Until every container of `name` is ready, and none of them is one that was killed."""
        waiting.until(lambda: self._is_ready(name), seconds=seconds, every=0.5, what=f"{name} to be ready")

    def _is_ready(self, name: str) -> bool:
        killed = self._killed.get(name, set())
        found = self.containers(name)
        return bool(found) and all(
            one["State"]["Running"] and one["State"]["Pid"] not in killed and self._is_well(one) for one in found
        )

    def _is_well(self, container: dict[str, Any]) -> bool:
        """By asking it as the engine does, which does so every few seconds only."""
        kind, *test = container["Config"]["Healthcheck"]["Test"]
        try:
            self.stack.docker("exec", container["Id"], *(test if kind == "CMD" else ["sh", "-c", *test]))
        except Refusal:
            return False
        return True


@contextlib.contextmanager
def market() -> Iterator[Market]:
    """A market on the engine that answers, else on one of our own; audited and removed after the block.

    To be entered from the main thread. Raises Refusal; AssertionError where the audit finds anything.
    """
    with contextlib.ExitStack() as end:
        found = end.enter_context(engine.running(homes.ROOT / ".local" / "engine"))
        images.provide(found)
        place = Path(end.enter_context(tempfile.TemporaryDirectory(prefix="compose-")))
        port = ports.free()
        url = f"http://127.0.0.1:{port}"
        name = f"admit-one-{uuid.uuid4().hex[:8]}"
        told = {
            "COMPOSE_PROJECT_NAME": name,
            # The images stay, so that the next time only what has changed is built.
            "ADMIT_ONE_VERSION": f"test-{hashlib.sha256(str(homes.ROOT).encode()).hexdigest()[:8]}",
            "ADMIT_ONE_SECRETS": str(place / "secrets"),
            "ADMIT_ONE_ORIGIN": url,
            "ADMIT_ONE_LISTEN": f"127.0.0.1:{port}",
            "ADMIT_ONE_PROMETHEUS_PORT": str(ports.free()),
            # Every person of the tests comes from one address.
            "ADMIT_ONE_LIMITS_PER_ADDRESS": "false",
        }
        project = stack.Stack({**found.environment, **told})
        end.callback(_remove, project)
        secret_files.make(project)
        _build(project)
        project.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "300")
        up = Market(project, url=url, secrets=place / "secrets")
        yield up
        dsns = {service: up.dsn(service) for service in services.NAMES}
        assert audit.findings(dsns, patience=_AUDIT_SECONDS) == []


def _build(project: stack.Stack) -> None:
    """The first alone: the others are made of what it leaves in the builder's cache."""
    first, *others = (f"{service}-migrate" for service in services.NAMES)
    project.compose("build", first)
    project.compose("build", *others, "gateway")


def _remove(project: stack.Stack) -> None:
    down = ("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "1")
    try:
        project.compose(*down)
    except Refusal:  # in the engine the end of a container's network sometimes outlives it for a moment
        time.sleep(_ENDPOINTS_END_WITHIN_SECONDS)
        project.compose(*down)


def _compose_name(name: str) -> str:
    return {"broker": "rabbitmq"}.get(name, name.replace(".", "-"))


def _address(container: dict[str, Any], network: str) -> str:
    """Networks are called after their project."""
    told: dict[str, Any] = container["NetworkSettings"]["Networks"]
    (found,) = (one["IPAddress"] for name, one in told.items() if name.endswith(f"_{network}"))
    address: str = found
    return address
