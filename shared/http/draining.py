"""How a web process that is told to end takes leave: of those it serves, those who wait, and those who are coming.

Closing a listening socket resets every connection that the kernel has accepted and no worker has yet: gunicorn loses
those. So with SIGTERM the socket first hears of no new ones, while the workers go on taking those that wait; then it is
closed. Whoever comes meanwhile is refused, and goes elsewhere.
"""

import contextlib
import ipaddress
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from gunicorn.workers import gthread

QUIET_SECONDS = 0.2
"""So long nobody may be waiting: longer than a handshake takes, also where the processors are busy."""
PATIENCE_SECONDS = 1.0


class Worker(gthread.ThreadWorker):
    """gunicorn's threads, but one that ends keeps no socket open on which others would wait in vain."""

    def set_accept_enabled(self, enabled: bool | None) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:
            listeners: list[Any] = self.sockets  # gunicorn's own, which can be asked how many wait
            for listener in listeners:
                while listener.get_backlog() > 0:
                    self.accept(listener)
                listener.close()


def prepare(server: Any) -> None:
    """Have gunicorn's arbiter empty its queues when SIGTERM comes, before it does what it always did."""
    end = server.handle_term

    def handle_term() -> None:
        empty(server.LISTENERS)
        end()

    server.handle_term = handle_term


def empty(listeners: Sequence[Any]) -> None:
    """Let nobody else in, and wait until the workers have taken all who are; a second at most."""
    for listener in listeners:
        _refuse(listener)
    now = quiet_since = time.monotonic()
    deadline = now + PATIENCE_SECONDS
    while now < min(deadline, quiet_since + QUIET_SECONDS):
        time.sleep(0.005)
        now = time.monotonic()
        if any(listener.get_backlog() > 0 for listener in listeners):
            quiet_since = now


def _refuse(listener: Any) -> None:
    """Bind a socket that listens to a device where nobody comes from. Its handshakes under way are completed.

    Anybody may do so, once, since Linux 5.7; where not, who comes between the last look and the end is cut off.
    """
    if sys.platform == "linux" and listener.FAMILY in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, StopIteration):
            device = _elsewhere(listener.getsockname()[0])
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())


def _elsewhere(address: str) -> str:
    """Not the device by which an address is reached. Raises StopIteration where there is no other."""
    if ipaddress.ip_address(address).is_loopback:
        return next(name for _, name in socket.if_nameindex() if name != "lo")
    return "lo"
