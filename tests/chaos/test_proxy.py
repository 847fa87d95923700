"""The proxy: what it does to a connection is what it says it does."""

import socket
import socketserver
import threading
import time

import pytest

from deploy.chaos import proxy
from shared.testing import waiting

SAID = b"two tickets for Hamlet\n"


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


@pytest.fixture
def echo():
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def between(echo):
    served = proxy.Proxy({"orders.broker": echo})
    yield served
    served.close()


@pytest.fixture
def caller(between):
    with socket.create_connection(("127.0.0.1", between.ports["orders.broker"]), timeout=5) as connection:
        assert _echo(connection) == SAID
        yield connection


def test_carries_what_it_is_given(between, caller):
    assert between.carried("orders.broker") == 2 * len(SAID)


def test_a_cut_resets_what_stands_and_refuses_what_comes(between, caller):
    assert between.turn("orders.broker", proxy.Mode.CUT) == 1

    waiting.until(lambda: _is_gone(caller), what="a reset")
    assert _is_reset(between.ports["orders.broker"])


def test_half_open_takes_everything_and_answers_nothing(between, caller):
    between.turn("orders.broker", proxy.Mode.HALF_OPEN)
    caller.settimeout(0.3)

    with pytest.raises(TimeoutError):
        _echo(caller)
    with _call(between) as late:
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            _echo(late)


def test_what_was_held_comes_after_all(between, caller):
    between.turn("orders.broker", proxy.Mode.HALF_OPEN)
    caller.sendall(SAID)
    between.turn("orders.broker", proxy.Mode.THROUGH)

    assert caller.recv(100) == SAID


def test_a_slow_link_is_slow(between, caller):
    between.turn("orders.broker", proxy.Mode.SLOW)
    began = time.monotonic()

    assert _echo(caller) == SAID
    assert time.monotonic() - began >= 0.3


def test_a_healed_link_serves_again(between, caller):
    between.turn("orders.broker", proxy.Mode.CUT)
    between.turn("orders.broker", proxy.Mode.THROUGH)

    with _call(between) as late:
        assert _echo(late) == SAID


def test_an_end_that_is_away_is_a_reset(between, echo):
    away = proxy.Proxy({"orders.postgres": 9})
    try:
        waiting.until(lambda: _is_reset(away.ports["orders.postgres"]), what="a reset")
    finally:
        away.close()


def _is_reset(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def _call(between):
    return socket.create_connection(("127.0.0.1", between.ports["orders.broker"]), timeout=5)


def _echo(connection):
    connection.sendall(SAID)
    return connection.recv(100)


def _is_gone(connection):
    try:
        return connection.recv(1) == b""
    except OSError:
        return True
