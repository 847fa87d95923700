"""Which port each process listens on: chosen free once, then kept while it is still free."""

import json
import os
import random
import socket
from pathlib import Path

import psutil

from deploy.local import files
from deploy.local.refusals import Refusal

# Below the range from which the kernel takes the ports of outgoing connections: one of those could take a server's
# port while that server restarts.
_RANGE = "18000-31999"
NOWHERE = 9
"""Nobody listens there (RFC 863, discard)."""


class Ports:
    """The ports of one market by process name, recorded in a file so that they survive a restart."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._ports: dict[str, int] = json.loads(record.read_text()) if record.exists() else {}

    def take(self, name: str) -> int:
        """The port recorded for `name` if nobody listens on it, else a new free one, recorded."""
        port = self._ports.get(name)
        if port is None or not is_free(port):
            self._ports[name] = port = free(besides=set(self._ports.values()))
            files.write(self._record, json.dumps(self._ports, indent=2))
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def answers(host: str, port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def free(*, besides: set[int] = frozenset()) -> int:  # type: ignore[assignment]
    """A port nobody listens on, of those that ADMIT_ONE_PORTS names. Raises Refusal where all are taken."""
    choice = _to_choose_from()
    for port in random.sample(choice, len(choice)):
        if port not in besides and is_free(port):
            return port
    raise Refusal(f"Every port of {choice[0]}-{choice[-1]} is taken.", do="give ADMIT_ONE_PORTS a wider range")


def _to_choose_from() -> range:
    told = os.environ.get("ADMIT_ONE_PORTS") or _RANGE
    first, _, last = told.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65535):
        raise Refusal(f"ADMIT_ONE_PORTS is {told!r}.", why="It is a range of ports above 1023.", do=f"write {_RANGE}")
    return range(int(first), int(last) + 1)


def holder(port: int) -> str:
    """Who listens on `port`, as far as this user may know: "python3 (pid 4711)" or ""."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""
