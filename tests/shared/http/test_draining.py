"""SIGTERM under a crowd: whoever was let in is served, whoever comes now is refused, nobody is cut off."""

import collections
import concurrent.futures
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from shared.testing import postgres, waiting

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROUNDS = 10
CROWD = 16
CHANCES = 25
OURS = """
import runpy
vars().update(runpy.run_path("shared/settings/gunicorn.py"))
"""
STOCK = """
worker_class = "gthread"
del when_ready
"""
OPEN = """
from gunicorn.workers import gthread
from shared.http import draining

def close(self, enabled):
    gthread.ThreadWorker.set_accept_enabled(self, enabled)
    if not self.alive:
        for listener in self.sockets:
            listener.close()

draining._refuse = lambda listener: None
draining.Worker.set_accept_enabled = close
"""


class Server:
    """gunicorn as every service runs it, with the lobby; `but` takes something of its configuration away."""

    def __init__(self, place, *, but=""):
        self.port, self.reached = postgres.free_port(), place / "reached"
        self.reached.unlink(missing_ok=True)
        config = place / "config.py"
        config.write_text(OURS + but)
        line = [sys.executable, "-m", "gunicorn", "--config", config, "--bind", f"127.0.0.1:{self.port}"]
        with (place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*line, "tests.shared.http.playhouse.lobby:application"],
                cwd=ROOT,
                env=os.environ | {"WEB_THREADS": "4", "LOBBY": str(place)},
                stdout=log,
                stderr=log,
            )

    def visit(self, path="/"):
        """What becomes of one request on a connection of its own: answered, refused, or lost."""
        try:
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        except OSError:
            return "refused"
        with connection:
            try:
                if connection.getsockname() == connection.getpeername():
                    return "refused"  # nobody listens, and the kernel has happened to give it this very port
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                said = b"".join(iter(lambda: connection.recv(4096), b""))
            except OSError:
                return "lost"
        return "answered" if said.startswith(b"HTTP/1.1 200") and said.endswith(b"welcome\n") else "lost"


@contextlib.contextmanager
def running(place, **how):
    server = Server(place, **how)
    try:
        waiting.until(lambda: server.visit() == "answered", seconds=20, what="gunicorn")
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@contextlib.contextmanager
def crowd(server):
    """People who come one after the other, each on a new connection; counts what became of them."""
    outcomes, over = collections.Counter(), threading.Event()

    def come():
        while not over.is_set():
            outcomes[server.visit()] += 1

    with concurrent.futures.ThreadPoolExecutor(CROWD) as people:
        coming = [people.submit(come) for _ in range(CROWD)]
        try:
            yield outcomes
        finally:
            over.set()
    for one in coming:
        one.result()


def end_under_a_crowd(place, **how):
    """What became of a crowd while the server was told to end, somebody in it was served for half a second more, and
    then it was gone.
    """
    with running(place, **how) as server, crowd(server) as outcomes, concurrent.futures.ThreadPoolExecutor(1) as guest:
        slow = guest.submit(server.visit, "/0.5")
        waiting.until(lambda: server.reached.exists() and outcomes["answered"] > 50, seconds=20)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=10) == 0
        assert slow.result() == "answered"
        waiting.until(lambda: outcomes["refused"] > CROWD, seconds=20)
    return outcomes


class TestDraining:
    @pytest.mark.parametrize("round_", range(ROUNDS))
    def test_loses_nobody_of_a_crowd(self, tmp_path, round_):
        outcomes = end_under_a_crowd(tmp_path)

        assert outcomes["lost"] == 0, outcomes

    def test_control_gunicorn_by_itself_cuts_off_who_waits(self, tmp_path):
        assert end_under_a_crowd(tmp_path, but=STOCK)["lost"] > 0

    def test_control_a_socket_that_is_only_watched_cuts_off_who_comes_between_the_look_and_the_end(self, tmp_path):
        assert any(end_under_a_crowd(tmp_path, but=OPEN)["lost"] for _ in range(CHANCES))

    def test_refuses_at_once_while_somebody_is_still_served(self, tmp_path):
        with running(tmp_path) as server, concurrent.futures.ThreadPoolExecutor(1) as guest:
            slow = guest.submit(server.visit, "/3")
            waiting.until(server.reached.exists, seconds=10)
            server.process.send_signal(signal.SIGTERM)
            waiting.until(lambda: server.visit() == "refused", seconds=2)

            assert not slow.done()
            assert slow.result() == "answered"

    def test_ends_within_ten_seconds_although_a_request_hangs(self, tmp_path):
        with running(tmp_path) as server:
            hanging = threading.Thread(target=server.visit, args=("/forever",), daemon=True)
            hanging.start()
            waiting.until(server.reached.exists, seconds=10)
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(timeout=15)

            assert time.monotonic() - began < 10
