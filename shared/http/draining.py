"""How a web process that is told to end takes leave: of those it serves, those who wait, and those who are coming.

Closing a listening socket resets every connection that the kernel has accepted and no worker has yet: gunicorn loses
those. So with SIGTERM the socket first hears of no new ones, while the workers go on taking those that wait; then it is
closed, and whoever comes now is refused and goes elsewhere. A connection that comes in the moment in between is not
answered: its SYN is sent again a second later, or to another address.
"""

import ctypes
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any

from gunicorn.workers import gthread

QUIET_SECONDS = 0.05
"""So long nobody may be waiting: longer than a handshake in a cluster takes."""
PATIENCE_SECONDS = 1.0

_SO_ATTACH_FILTER = 26
# Classic BPF, run on each segment for the listening socket: drop it when its flags, byte 13, have SYN; else keep it,
# for it may complete a handshake.
_UNLESS_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


class Worker(gthread.ThreadWorker):
    """gunicorn's threads, but one that ends keeps no socket open on which others would wait in vain."""

    def set_accept_enabled(self, enabled: bool | None) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
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
    if sys.platform != "linux" or listener.FAMILY not in (socket.AF_INET, socket.AF_INET6):
        return
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in _UNLESS_SYN)
    kept = ctypes.create_string_buffer(instructions)
    program = struct.pack("HP", len(_UNLESS_SYN), ctypes.addressof(kept))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
