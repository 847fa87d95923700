"""The network between the nodes: what is pulled is cut off, from whom it should be, and without a word."""

import socket
import subprocess
import sys
import time

import psutil
import pytest

from deploy.chaos import networks
from deploy.chaos.networks import Plug
from shared.testing import waiting

PORT = 5672
_ECHO = f"""
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
socketserver.ThreadingTCPServer(("", {PORT}), Echo).serve_forever()
"""
_REACHES = f"import socket, sys; socket.create_connection((sys.argv[1], {PORT}), timeout=1)"


@pytest.fixture
def network():
    made = networks.Network(3)
    servers = [_inside(made, node, "-c", _ECHO) for node in range(3)]
    for address in made.addresses():
        waiting.until(lambda address=address: _is_reached(address), what=f"somebody at {address}")
    yield made
    for server in servers:
        server.kill()
        server.wait()
    made.close()


def test_everybody_reaches_everybody(network):
    assert all(_is_reached(address) for address in network.addresses())
    assert all(_reaches(network, 0, peer) for peer in network.peers())


def test_a_node_without_its_peers_still_has_its_clients(network):
    network.pull(0, [Plug.PEERS])

    assert _is_reached(network.addresses()[0])
    assert [_reaches(network, 0, peer) for peer in network.peers()] == [True, False, False]
    assert [_reaches(network, 1, peer) for peer in network.peers()] == [False, True, True]


def test_connections_of_a_node_that_is_cut_off_stand_and_carry_nothing(network):
    with socket.create_connection((network.addresses()[1], PORT), timeout=1) as connection:
        assert _echoes(connection, b"before\n")
        network.pull(1, Plug)

        connection.sendall(b"meanwhile\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)
        network.plug(1, Plug)

        connection.settimeout(10)
        assert connection.recv(100) == b"meanwhile\n"


def test_nothing_is_left_behind_even_by_somebody_who_is_killed():
    code = "from deploy.chaos import networks; networks.Network(3); print('made', flush=True); input()"
    maker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert maker.stdout.readline() == b"made\n"
    interface = f"ao{maker.pid}"
    assert interface in psutil.net_if_addrs()

    maker.kill()
    maker.communicate()

    waiting.until(lambda: interface not in psutil.net_if_addrs(), what="the kernel to take it away")


def _inside(network, node, *arguments):
    return subprocess.Popen(["nsenter", f"--net={network.namespaces[node]}", sys.executable, *arguments])


def _reaches(network, node, address):
    return _inside(network, node, "-c", f"{_REACHES}", address).wait() == 0


def _is_reached(address):
    try:
        with socket.create_connection((address, PORT), timeout=1):
            return True
    except OSError:
        time.sleep(0.05)
        return False


def _echoes(connection, said):
    connection.sendall(said)
    return connection.recv(100) == said
