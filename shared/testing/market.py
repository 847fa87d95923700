"""The fixture `market`: the whole market as real processes with a real broker, one for a session of tests.

In a suite's `conftest.py`: `pytest_plugins = ["shared.testing.market"]`. The environment variable MARKET_BROKER
(`embedded` or `rabbitmq`) chooses the broker, MARKET_IDENTITY (`local`, `introspect`, `gateway`) how services learn who
is asking, MARKET_SCHEME (`http`, `https`) what the gateway is reached by. With MARKET_IN_CONTAINERS it is the market of
deploy/compose instead, for tests that do not look into its home. Tests keep apart by fresh data, not by a fresh market.
While one writes tests, MARKET_HOME may name the home of a market that is up: it is used, and left, as it is. A
suite whose market is to be told more by its environment has a fixture `told` of its own.
"""

import concurrent.futures
import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deploy.local import control, databases, homes, market_state, ports, services, supervisor
from shared.testing import containers, waiting

_START_WITHIN = 180.0
_PR_SET_PDEATHSIG = 1


class Market:
    """A market that is up, and the means to hurt it."""

    def __init__(self, home: homes.Home) -> None:
        up = market_state.require(home)
        self.url, self.broker, self.identity = up.url, up.broker, up.identity
        self.is_https = up.https
        self._trust = up.trust
        self._home = home
        self._killed: dict[str, int] = {}

    def client(self, of: type[httpx.Client] = httpx.Client, **options: Any) -> httpx.Client:
        """A client of the gateway with a cookie jar of its own; `options` are httpx.Client's."""
        return of(**{"base_url": self.url, "timeout": 15.0, "verify": self._trust, **options})

    def status(self) -> dict[str, Any]:
        """What `manage_all.py status --json` prints."""
        return market_state.status(self._home)

    def row(self, name: str) -> dict[str, Any]:
        """What the supervisor says of one process, such as `orders.web`. Raises KeyError."""
        # Not from `status`, which measures the memory of every process each time.
        rows = {row["name"]: row for row in supervisor.read(self._home.state)["processes"]}
        row: dict[str, Any] = rows[name]
        return row

    def kill(self, name: str) -> int:
        """`kill -9` the main process of `name`, which the supervisor will start again. The pid killed."""
        pid: int = waiting.until(lambda: self.row(name)["pid"], what=f"a pid of {name}")
        self._killed[name] = pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, *names: str) -> None:
        """End `names`, at the same time, for as long as nobody calls `start`."""
        self._order("stop", names)

    def start(self, *names: str) -> None:
        """Start what was stopped, at the same time; returns when all are ready."""
        self._order("start", names)

    @contextlib.contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Hold those processes where they are; what they would say and hear meanwhile comes late."""
        with contextlib.ExitStack() as thaw:
            for name in names:
                main = psutil.Process(self.row(name)["pid"])
                for process in [main, *main.children(recursive=True)]:
                    thaw.callback(process.resume)
                    process.suspend()
            yield

    def wait_ready(self, name: str, *, seconds: float = 60.0) -> None:
        """Until `name` is ready, under another pid than the one killed last."""
        waiting.until(lambda: self._is_ready(name), seconds=seconds, what=f"{name} to be ready")

    def dsn(self, service: str) -> str:
        """The address of a service's database, for its own role."""
        return databases.url(self._home, service, int(self.row(f"{service}.postgres")["port"]))

    def environment(self, service: str) -> dict[str, str]:
        """What the processes of a service are told: for management commands of the tests' own."""
        return services.environment(market_state.require(self._home), service)

    @property
    def home(self) -> Path:
        """The directory of the market: ADMIT_ONE_HOME for commands of manage_all.py, `logs/` to look into."""
        return self._home.path

    def _order(self, do: str, names: Sequence[str]) -> None:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: control.order(self._home, do, name=name), names))

    def _is_ready(self, name: str) -> bool:
        row = self.row(name)
        return row["state"] == "ready" and row["pid"] not in (None, self._killed.get(name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test waits for the market to be started, perhaps on a busy machine, and its images to be built."""
    patience = 1500 if os.environ.get("MARKET_IN_CONTAINERS") else 400
    for item in items:
        item.add_marker(pytest.mark.timeout(patience))


@pytest.fixture(scope="session")
def told() -> Mapping[str, str]:
    """What the market is told by its environment besides."""
    return {}


@pytest.fixture(scope="session")
def market(told: Mapping[str, str]) -> Iterator[Market | containers.Market]:
    """A market with the broker that MARKET_BROKER names, ended and removed after the session."""
    if os.environ.get("MARKET_IN_CONTAINERS"):
        with containers.market() as contained:
            yield contained
    else:
        with running(told) as market:
            yield market


@contextlib.contextmanager
def running(told: Mapping[str, str]) -> Iterator[Market]:
    """What `market` is made of, for a suite whose tests do to a market what the next could not bear."""
    if place := os.environ.get("MARKET_HOME"):
        yield Market(homes.Home(Path(place)))
        return
    with tempfile.TemporaryDirectory(prefix="market-", ignore_cleanup_errors=True) as place:
        # As root the databases belong to another user, who has to get in.
        Path(place).chmod(0o711)
        home = homes.Home(Path(place).resolve() / "home")
        with (Path(place) / "up.log").open("w+") as log:
            process = _start(home, log, told)
            try:
                waiting.until(lambda: _is_up(home, process, log), seconds=_START_WITHIN, every=0.1, what="the market")
                yield Market(home)
            finally:
                process.terminate()
                process.wait(timeout=90)
                home.empty()


def _start(home: homes.Home, log: Any, told: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """In the foreground, so that it ends with this process however that ends."""
    wanted = {
        "--port": str(ports.free()),
        "--broker": os.environ.get("MARKET_BROKER", "embedded"),
        "--identity": os.environ.get("MARKET_IDENTITY", "local"),
    }
    line = [sys.executable, "manage_all.py", "up", *itertools.chain(*wanted.items())]
    if os.environ.get("MARKET_SCHEME") == "https":
        line.append("--https")
    return subprocess.Popen(
        line,
        cwd=homes.ROOT,
        env={**os.environ, **told, "ADMIT_ONE_HOME": str(home.path)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        preexec_fn=_end_with_the_session,
    )


def _end_with_the_session() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _is_up(home: homes.Home, process: subprocess.Popen[bytes], log: Any) -> bool:
    if process.poll() is not None:
        log.seek(0)
        raise RuntimeError(f"the market did not start:\n{log.read()[-6000:]}")
    return bool(market_state.status(home)["phase"] == "ready")
