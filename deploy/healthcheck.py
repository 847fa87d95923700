#!/usr/bin/env -S python3 -IS
"""Exit code 0 when the process of this container answers that it is ready, 1 when not.

Asked every few seconds in every container, so it loads nothing that it can do without.
"""

import socket
import sys

ADDRESS = ("127.0.0.1", 8000)
SECONDS = 3
REQUEST = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def is_ready() -> bool:
    try:
        with socket.create_connection(ADDRESS, timeout=SECONDS) as connection:
            connection.sendall(REQUEST)
            words = connection.makefile("rb").readline().split()
    except OSError:
        return False
    return words[1:2] == [b"200"]


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
