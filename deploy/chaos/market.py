"""The nemesis's own market: real processes behind a proxy, databases on small disks and with clocks of their own."""

import contextlib
import ctypes
import dataclasses
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from deploy.chaos import clocks, disks, networks, proxy
from deploy.local import (
    audit,
    brokers,
    cluster,
    control,
    databases,
    embedded,
    homes,
    logfiles,
    ports,
    rabbitmq,
    services,
    supervisor,
)
from deploy.local.refusals import Refusal

_START_WITHIN = 240.0
_READY_WITHIN = 90.0


class Market:
    """A market that is up, and every means to hurt it."""

    def __init__(
        self,
        home: homes.Home,
        *,
        broker: str,
        port: int,
        network: proxy.Proxy,
        book: dict[str, int],
        plugs: networks.Network | None = None,
    ) -> None:
        """`plugs`: the network of the broker's nodes, where it is a cluster."""
        self.home, self.broker, self.port, self.network, self.ports = home, broker, port, network, book
        self._plugs, self.nodes = plugs, _nodes(plugs) if plugs else []
        self.url = f"http://127.0.0.1:{port}"
        self.clocks = clocks.Clocks(home.path / "clocks")
        self.disks = disks.Disks(home)
        self.crash_points = home.path / "crash-points"
        self._killed: dict[str, int] = {}

    @property
    def plugs(self) -> networks.Network:
        """What can be pulled of the broker's nodes. Raises LookupError where it is no cluster."""
        if self._plugs is None:
            raise LookupError(f"{self.broker} has no network of its own")
        return self._plugs

    @property
    def broker_processes(self) -> list[str]:
        """The names of the processes that are the broker."""
        return [node.name for node in self.nodes] or ["broker"]

    def row(self, name: str) -> dict[str, Any]:
        """What the supervisor says of one process. Raises KeyError."""
        rows = {row["name"]: row for row in supervisor.read(self.home.state)["processes"]}
        row: dict[str, Any] = rows[name]
        return row

    def pid(self, name: str, *, seconds: float = 15.0) -> int:
        """The main process of `name`, once there is one that was not killed before. Raises TimeoutError."""

        def fresh() -> int | None:
            pid: int | None = self.row(name)["pid"]
            return pid if pid and pid != self._killed.get(name) and psutil.pid_exists(pid) else None

        found: int = until(fresh, seconds=seconds, what=f"a process {name}")
        return found

    def kill(self, name: str) -> int:
        """`kill -9` the main process of `name`; the supervisor starts it again. The pid killed."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        self._killed[name] = pid
        return pid

    def family(self, name: str) -> list[psutil.Process]:
        """The main process of `name` and its children."""
        main = psutil.Process(self.pid(name))
        return [main, *main.children(recursive=True)]

    def stop(self, name: str) -> None:
        """End `name` for as long as nobody calls `start`."""
        control.order(self.home, "stop", name=name)

    def start(self, name: str) -> None:
        """Start what was stopped; returns when it is ready."""
        control.order(self.home, "start", name=name)

    def is_ready(self, name: str) -> bool:
        row = self.row(name)
        return row["state"] == "ready" and row["pid"] not in (None, self._killed.get(name))

    def wait_ready(self, *names: str, seconds: float = _READY_WITHIN) -> None:
        """Until these processes (all when none is named) are ready. Raises TimeoutError."""
        for name in names or self.names():
            until(partial(self.is_ready, name), seconds=seconds, what=f"{name} to be ready")

    def names(self) -> list[str]:
        return [row["name"] for row in supervisor.read(self.home.state)["processes"]]

    def dsns(self) -> dict[str, str]:
        """The addresses of all databases, past the proxy."""
        return audit.dsns(self.described())

    def superuser(self, service: str, *, database: str = "") -> str:
        """The address of a service's PostgreSQL (or the `broker`'s) for its superuser."""
        port = self.ports["broker" if service == "broker" else f"{service}.postgres"]
        return databases.superuser_url(self.home, port, database=database or service)

    def broker_url(self, service: str) -> str:
        """The broker's address for a service, past the proxy."""
        if self.nodes:
            return cluster.url(self.home, self.nodes, service)
        make = rabbitmq.url if self.broker == "rabbitmq" else embedded.url
        return make(self.home, service, self.ports["broker"])

    def manage(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A management command of a service."""
        told = services.environment(self.described(), service)
        line = services.manage(service, *arguments)
        return subprocess.run(
            line,
            env={**told, "LOG_LEVEL": "ERROR"},
            cwd=homes.ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def described(self) -> services.Market:
        """This market as the local deployment describes one."""
        rig = services.Rig(nodes=self.nodes)
        return services.Market(home=self.home, ports=self.ports, port=self.port, broker=self.broker, rig=rig)


@contextlib.contextmanager
def running(*, broker: str, order_window: int, keep: bool = False, small_disks: bool = True) -> Iterator[Market]:
    """A market that is up; ended and removed after the block, unless its directory is to be kept.

    `small_disks`: its databases live on some that can be filled, where one can be mounted.
    """
    with contextlib.ExitStack() as stack:
        place = Path(tempfile.mkdtemp(prefix="chaos-")).resolve()
        place.chmod(0o711)  # as root the databases belong to another user, who has to get in
        home = homes.Home(place / "home")
        home.prepare()
        if not keep:
            stack.callback(_remove, place, home)
        book = _book(home, broker)
        network = proxy.Proxy(_real_ports(book))
        stack.callback(network.close)
        plugs = None
        if broker == brokers.CLUSTER:
            plugs = stack.enter_context(contextlib.closing(networks.Network(cluster.SIZE)))
        port = ports.free(besides=set(book.values()))
        market = Market(home, broker=broker, port=port, network=network, book=book, plugs=plugs)
        stack.callback(market.disks.close, keep=keep)
        stack.enter_context(_supervised(market, order_window))
        if small_disks:
            market.disks.open(market)
        yield market


def _remove(place: Path, home: homes.Home) -> None:
    home.empty()
    with contextlib.suppress(OSError):
        place.rmdir()


def _book(home: homes.Home, broker: str) -> dict[str, int]:
    """The ports of all processes, taken where the market will take them too."""
    names = [f"{service}.{kind}" for service in services.NAMES for kind in ("postgres", *services.processes(service))]
    names += {"rabbitmq": ["broker", "broker.epmd", "broker.distribution"], "embedded": ["broker"]}.get(broker, [])
    book = ports.Ports(home.ports)
    return {name: book.take(name) for name in names}


def _real_ports(book: dict[str, int]) -> dict[str, int]:
    databases_ = {f"{service}.postgres": book[f"{service}.postgres"] for service in services.NAMES}
    # A cluster has a network whose plugs can be pulled.
    return databases_ | {f"{service}.broker": book["broker"] for service in services.NAMES if "broker" in book}


def _nodes(plugs: networks.Network) -> list[cluster.Node]:
    places = zip(cluster.names(), plugs.namespaces, plugs.peers(), plugs.addresses(), strict=True)
    return [
        cluster.Node(name=name, namespace=namespace, peer=peer, address=address)
        for name, namespace, peer, address in places
    ]


@contextlib.contextmanager
def _supervised(market: Market, order_window: int) -> Iterator[None]:
    run = secrets.token_hex(8)
    market.crash_points.mkdir(mode=0o700)
    rig = services.Rig(
        routes=market.network.ports,
        environment={"FAULTS": str(market.crash_points)},
        databases={service: market.clocks.environment(service) for service in services.NAMES},
        nodes=market.nodes,
    )
    options = {"port": market.port, "broker": market.broker, "order_window": order_window}
    options["rig"] = dataclasses.asdict(rig)
    log = logfiles.path(market.home.logs, "supervisor")
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.daemon", run, json.dumps(options)],
            cwd=homes.ROOT,
            env={**os.environ, "ADMIT_ONE_HOME": str(market.home.path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_end_with_us,
        )
    try:
        until(lambda: _is_up(market.home, started), seconds=_START_WITHIN, every=0.1, what="the market")
        yield
    finally:
        started.terminate()
        started.wait(timeout=120)
        market.clocks.close()


def _end_with_us() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))


def _is_up(home: homes.Home, started: subprocess.Popen[bytes]) -> bool:
    state = supervisor.read(home.state)
    if started.poll() is not None or state.get("message"):
        raise Refusal("The market did not start.", why=state.get("message") or "it left no word", do=f"see {home.logs}")
    return bool(state.get("phase") == "ready")


def until(predicate: Callable[[], Any], *, seconds: float, every: float = 0.05, what: str) -> Any:
    """What `predicate` answers, once that is something true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(every)
    return answer
