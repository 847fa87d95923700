"""One child of the supervisor: started in a session of its own, which ends with it."""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def spawn(
    line: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    user: str | None = None,
    end_with: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `line`, its output appended to `log`. To be called from the main thread only: Linux sends the parent-death
    signal when the *thread* that started the child ends.
    """

    def die_with_parent() -> None:
        # After the change of user, which would clear it.
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(end_with))

    with log.open("ab") as output:
        return subprocess.Popen(
            list(line),
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
            **identity(user),
        )


def identity(user: str | None) -> dict[str, Any]:
    """What subprocess is told so that a program runs as `user`; nothing where that is this one."""
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


def members(session: int, *, home: Path | None = None) -> list[psutil.Process]:
    """The living processes of `session`, and the PostgreSQL ones that work in the directory `home`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if _belongs(process, session, home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end_leftovers(session: int, *, home: Path | None = None, seconds: float = 5.0) -> int:
    """SIGKILL whatever a dead leader left behind, wait until it is gone, and say how many there were.

    A killed gunicorn or PostgreSQL leaves children that hold its port and its shared memory.
    """
    ended = 0
    deadline = time.monotonic() + seconds
    while (left := members(session, home=home)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
                ended += 1
        psutil.wait_procs(left, timeout=0.2)
    return ended


def memory(session: int, *, home: Path | None = None) -> int:
    """Bytes of memory that the session holds, a page that it shares with others counted by its share.

    Without that, the buffers of a PostgreSQL would count once for each of its connections.
    """
    return sum(_resident(process) for process in members(session, home=home))


def is_same(pid: int, started: float) -> bool:
    """Whether `pid` is still the process that was started at `started` (pids are used again), and alive."""
    try:
        return started_at(pid) == started and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def started_at(pid: int) -> float:
    """When `pid` was started, to be compared only: on Linux in ticks since boot, which no change of the clock moves; 0
    when it is gone.
    """
    try:
        if sys.platform == "linux":
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return float(fields[19])
        return float(psutil.Process(pid).create_time())
    except (OSError, psutil.Error):
        return 0.0


def _belongs(process: psutil.Process, session: int, home: Path | None) -> bool:
    if _session(process.pid) == session:
        return True
    # Every child of PostgreSQL makes a session of its own, but works in the data directory.
    return home is not None and process.name() == "postgres" and process.cwd() == str(home)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except PermissionError:
        return -1


def _resident(process: psutil.Process) -> int:
    try:
        seen = process.memory_full_info()
    except (psutil.Error, OSError):
        return 0
    return int(getattr(seen, "pss", seen.rss))
