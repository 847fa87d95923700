"""Machines on one machine: network namespaces on two switches, and the plugs that can be pulled.

        this machine ─┐
    node 1 ─┬─ clients ┴─┬─ node 2          everybody reaches a node over `clients`,
            └─── peers ──┘                  the nodes each other only over `peers`

Everything hangs on processes that live as long as this one: when they end, the kernel takes namespaces, switches and
cables away, however this process ended.
"""

import enum
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence

import psutil

_CLIENTS = "198.18"  # set aside for tests of networks: RFC 2544
_PEERS = "198.19.0"
_TOOLS = ("ip", "nsenter", "unshare", "setpriv")


class Plug(enum.Enum):
    """What connects a node: its cable to the other nodes, and the one to everybody else."""

    PEERS = "peers"
    CLIENTS = "clients"


def missing() -> str:
    """Why no network can be made here; empty where one can."""
    if absent := [tool for tool in _TOOLS if not shutil.which(tool)]:
        return f"{', '.join(absent)} is not installed"
    probe = ["unshare", "--net", "ip", "link", "add", "left", "type", "veth", "peer", "name", "right"]
    if os.geteuid() != 0 or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        return "no network namespace can be made here (that takes root, and a kernel that lets it)"
    return ""


class Network:
    """So many nodes beside this machine; open from the making to `close`."""

    def __init__(self, size: int) -> None:
        self._holders: list[subprocess.Popen[bytes]] = []
        self._clients = f"{_CLIENTS}.{_unused()}"
        try:
            self._switch, *nodes = (self._hold() for _ in range(size + 1))
            self.namespaces = [_namespace(pid) for pid in nodes]
            """By node, a path each."""
            self._plug_in(nodes)
        except BaseException:
            self.close()
            raise

    def addresses(self) -> list[str]:
        """By node: where everybody finds it."""
        return [f"{self._clients}.{number}" for number, _ in enumerate(self.namespaces, 1)]

    def peers(self) -> list[str]:
        """By node: where the other nodes find it."""
        return [f"{_PEERS}.{number}" for number, _ in enumerate(self.namespaces, 1)]

    def pull(self, node: int, plugs: Iterable[Plug]) -> None:
        """Pull plugs of a node (the first is 0): what was connected through them stands, and nothing comes through."""
        self._turn(node, plugs, "down")

    def plug(self, node: int, plugs: Iterable[Plug]) -> None:
        """Put them in again."""
        self._turn(node, plugs, "up")

    def close(self) -> None:
        """End it all; processes that live in a namespace keep it until they end."""
        for holder in self._holders:
            holder.kill()
            holder.communicate()
        self._holders.clear()

    def _hold(self) -> int:
        """A process in a network of its own, which ends when the pipe to it does."""
        holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self._holders.append(holder)
        ours, deadline = os.readlink("/proc/self/ns/net"), time.monotonic() + 5
        while os.readlink(_namespace(holder.pid)) == ours:
            if holder.poll() is not None or time.monotonic() > deadline:
                raise OSError("no network namespace can be made")
            time.sleep(0.01)
        return holder.pid

    def _plug_in(self, nodes: Sequence[int]) -> None:
        mine = f"ao{os.getpid()}"
        switches = [f"link add {plug.value} up type bridge" for plug in Plug]
        cables = [
            line
            for node, pid in enumerate(nodes)
            for plug in Plug
            for line in _cable(_socket(node, plug), to=plug.value, netns=pid, switch=plug)
        ]
        uplink = _cable("uplink", to=mine, netns=os.getpid(), switch=Plug.CLIENTS)
        _ip(_namespace(self._switch), [*switches, *cables, *uplink])
        for pid, peer, address in zip(nodes, self.peers(), self.addresses(), strict=True):
            addresses = {Plug.PEERS: peer, Plug.CLIENTS: address}
            _ip(_namespace(pid), [*_configured("lo"), *_both(addresses)])
        _ip("/proc/self/ns/net", _configured(mine, f"{self._clients}.254"))

    def _turn(self, node: int, plugs: Iterable[Plug], state: str) -> None:
        _ip(_namespace(self._switch), [f"link set {_socket(node, plug)} {state}" for plug in plugs])


def _both(addresses: dict[Plug, str]) -> list[str]:
    return [line for plug, address in addresses.items() for line in _configured(plug.value, address)]


def _configured(interface: str, address: str = "") -> list[str]:
    given = [f"address add {address}/24 dev {interface}"] if address else []
    return [*given, f"link set {interface} up"]


def _cable(socket: str, *, to: str, netns: int, switch: Plug) -> list[str]:
    return [
        f"link add {socket} type veth peer name {to} netns {netns}",
        f"link set {socket} master {switch.value} up",
    ]


def _socket(node: int, plug: Plug) -> str:
    return f"{plug.value}{node}"


def _namespace(pid: int) -> str:
    return f"/proc/{pid}/ns/net"


def _ip(namespace: str, lines: Sequence[str]) -> None:
    done = subprocess.run(
        ["nsenter", f"--net={namespace}", "ip", "-batch", "-"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(f"the network cannot be made: {done.stderr.strip()}")


def _unused() -> int:
    """The third number of a network that no interface here is in."""
    taken = {address.address for each in psutil.net_if_addrs().values() for address in each}
    return random.choice([n for n in range(256) if not any(one.startswith(f"{_CLIENTS}.{n}.") for one in taken)])
