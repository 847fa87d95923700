"""The container engine: the one that answers, else, as root, one of our own, which ends with us and leaves nothing."""

import contextlib
import dataclasses
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import psutil

from deploy.local import child
from deploy.local.refusals import Refusal

_STARTS_WITHIN_SECONDS = 60
_ENDS_WITHIN_SECONDS = 45  # it gives its containers 15 to end
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_TRACES = re.compile(r"DOCKER|docker0|br-[0-9a-f]{12}")
_BRIDGE = re.compile(r"docker0|br-[0-9a-f]{12}")


@dataclasses.dataclass(frozen=True)
class Engine:
    """A Docker engine by its address: `unix:///…`, or nothing for the one that this shell's `docker` asks."""

    host: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """This shell's, for `docker` and `docker-compose`. The builder is the classic one: another needs a plugin."""
        told = {**os.environ, "DOCKER_BUILDKIT": "0", "BUILDKIT_PROGRESS": "plain"}
        return {**told, "DOCKER_HOST": self.host} if self.host else told

    def docker(self, *arguments: str, stdin: IO[bytes] | int = subprocess.DEVNULL, seconds: float = 600) -> str:
        """What `docker …` printed. Raises Refusal."""
        try:
            done = subprocess.run(
                [_program("docker"), *arguments],
                env=self.environment,
                stdin=stdin,
                check=False,
                capture_output=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise Refusal(f"docker {arguments[0]} did not end within {seconds:.0f} s.") from error
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise Refusal(f"docker {arguments[0]} failed.", why="\n".join(said.splitlines()[-30:]))
        return done.stdout.decode(errors="replace").strip()

    def answers(self) -> bool:
        """Whether there is an engine at that address."""
        if shutil.which("docker") is None:
            return False
        line = ["docker", "version", "--format", "{{.Server.Version}}"]
        try:
            done = subprocess.run(line, env=self.environment, check=False, capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


@contextlib.contextmanager
def running(place: Path) -> Iterator[Engine]:
    """An engine for the block: the one that answers, else one of our own with its images and containers in `place`.

    To be entered from the main thread: an engine of our own ends also when that thread does. Raises Refusal.
    """
    if (present := Engine()).answers():
        yield present
        return
    _refuse_without_a_chance()
    place.mkdir(parents=True, exist_ok=True)
    # The paths of its sockets must be short, so they are not in `place`.
    runtime = tempfile.TemporaryDirectory(prefix="engine-")
    with _alone(place), _host_as_it_was(), runtime as short, _daemon(place, Path(short)) as engine:
        yield engine


def _refuse_without_a_chance() -> None:
    if os.geteuid() != 0:
        raise Refusal("No container engine answers.", why="only root may start one.", do="start Docker, or be root.")
    for program, package in (("dockerd", "docker.io"), ("docker", "docker.io"), ("iptables", "iptables")):
        _program(program, package)
    for process in psutil.process_iter(["name", "pid"]):
        if process.info["name"] == "dockerd" and _shares_network(process.info["pid"]):
            raise Refusal(
                f"An engine runs (process {process.info['pid']}), but not where docker looks for it.",
                why="two of them would overwrite each other's packet filter.",
                do="name its address in DOCKER_HOST, or end it.",
            )


def _program(name: str, package: str = "docker.io") -> str:
    if (found := shutil.which(name)) is None:
        raise Refusal(f"{name} is missing.", do=f"apt-get install {package}")
    return found


def _shares_network(pid: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net")
    except OSError:
        return False


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Two engines on the same data would ruin it."""
    with (place / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refusal(f"Another engine works on {place}.", do="end it, or wait until it has ended.") from error
        yield


@contextlib.contextmanager
def _host_as_it_was() -> Iterator[None]:
    """What an engine does to the host's network is undone afterwards.

    Forwarding is switched on before the engine starts: one that has to do it itself also sets the policy of forwarding
    to DROP, which cuts bridges that are none of its business.
    """
    forwarding = _FORWARDING.read_text()
    _FORWARDING.write_text("1")
    try:
        yield
    finally:
        _remove_rules()
        for _, link in socket.if_nameindex():
            if _BRIDGE.fullmatch(link):
                subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)
        _FORWARDING.write_text(forwarding)


def _remove_rules() -> None:
    family = _packet_filter()
    rules = subprocess.run([f"{family}-save"], check=True, capture_output=True, text=True).stdout
    kept = [rule for rule in rules.splitlines(keepends=True) if not _TRACES.search(rule)]
    subprocess.run([f"{family}-restore"], check=True, capture_output=True, input="".join(kept), text=True)


def _packet_filter() -> str:
    """`iptables`, or its older kind where the kernel knows only that one."""
    for family in ("iptables", "iptables-legacy"):
        line = [family, "--table", "nat", "--list", "--numeric"]
        if shutil.which(family) and subprocess.run(line, check=False, capture_output=True).returncode == 0:
            return family
    raise Refusal("This kernel lets nobody translate addresses (iptables).", do="use another machine.")


@contextlib.contextmanager
def _daemon(place: Path, runtime: Path) -> Iterator[Engine]:
    engine = Engine(f"unix://{runtime}/docker.sock")
    log = place / "engine.log"
    log.unlink(missing_ok=True)
    (runtime / "daemon.json").write_text("{}")  # the host's own is for another engine
    process = child.spawn(
        _line(engine, place, runtime), environment=_environment(runtime), cwd=place, log=log, end_with=signal.SIGTERM
    )
    try:
        _wait_until_it_answers(engine, process, log)
        yield engine
    finally:
        _end(process)
        _end_leftovers(runtime)
        _unmount(place, runtime)


def _line(engine: Engine, place: Path, runtime: Path) -> list[str]:
    return [
        _program("dockerd"),
        f"--host={engine.host}",
        f"--config-file={runtime}/daemon.json",
        f"--data-root={place}/data",
        f"--exec-root={runtime}/exec",
        f"--pidfile={runtime}/docker.pid",
        f"--mtu={_largest_packet()}",
    ]


def _environment(runtime: Path) -> Mapping[str, str]:
    programs = runtime / "programs"
    programs.mkdir()
    family = _packet_filter()
    for plain in ("iptables", "iptables-save", "iptables-restore"):
        (programs / plain).symlink_to(_program(plain.replace("iptables", family), "iptables"))
    return {**os.environ, "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}


def _largest_packet() -> int:
    """The smallest MTU of the host's own links: larger packets of containers would be lost where ICMP is."""
    sizes = [int((link / "mtu").read_text()) for link in Path("/sys/class/net").iterdir() if (link / "device").exists()]
    return min([1500, *sizes])


def _wait_until_it_answers(engine: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while not engine.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(errors="replace").splitlines()[-15:]
            raise Refusal("The container engine did not start.", why="\n".join(last), do=f"see {log}.")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Gently, for then it ends its containers first."""
    process.terminate()
    try:
        process.wait(_ENDS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_leftovers(runtime: Path) -> None:
    """What an engine that was killed has left running: all of it names our directory, each container by its shim."""
    left = [process for process in psutil.process_iter() if _names(process, runtime)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            for inside in (*process.children(recursive=True), process):
                inside.kill()
    psutil.wait_procs(left, timeout=5)


def _names(process: psutil.Process, runtime: Path) -> bool:
    try:
        return process.pid != os.getpid() and any(word.startswith(str(runtime)) for word in process.cmdline())
    except psutil.Error:
        return False


def _unmount(*places: Path) -> None:
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for target in reversed(mounted):
        if any(Path(target).is_relative_to(place) for place in places):
            subprocess.run(["umount", "--lazy", target], check=False, capture_output=True)
