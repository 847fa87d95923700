import json
import os
import socket

import pytest

from deploy.local import graph, ports
from deploy.local.refusals import Refusal


@pytest.fixture
def taken():
    """A port somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


class TestPorts:
    def test_keeps_a_port_over_restarts(self, home):
        first = ports.Ports(home.ports).take("orders.web")

        assert ports.Ports(home.ports).take("orders.web") == first

    def test_gives_each_name_its_own(self, home):
        book = ports.Ports(home.ports)

        assert len({book.take(f"process {number}") for number in range(50)}) == 50

    def test_gives_up_a_port_that_somebody_else_has_taken(self, home, taken):
        home.ports.write_text(json.dumps({"orders.web": taken}))

        chosen = ports.Ports(home.ports).take("orders.web")

        assert chosen != taken
        assert json.loads(home.ports.read_text()) == {"orders.web": chosen}

    def test_a_port_is_not_one_that_an_outgoing_connection_could_hold(self, home):
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            lowest = int(file.read().split()[0])

        assert all(ports.free() < lowest for _ in range(50))

    def test_a_port_is_one_of_those_that_were_named(self, monkeypatch):
        monkeypatch.setenv("ADMIT_ONE_PORTS", "20000-20049")

        assert {ports.free() for _ in range(200)} <= set(range(20000, 20050))

    def test_all_of_which_may_be_taken(self, taken, monkeypatch):
        monkeypatch.setenv("ADMIT_ONE_PORTS", f"{taken}-{taken}")

        with pytest.raises(Refusal, match="wider range"):
            ports.free()

    @pytest.mark.parametrize("told", ["80-90", "20000", "20010-20000", "a-b", "60000-70000", "-", "2²000-30000"])
    def test_a_range_that_is_none_is_refused(self, told, monkeypatch):
        monkeypatch.setenv("ADMIT_ONE_PORTS", told)

        with pytest.raises(Refusal, match="It is a range of ports above 1023"):
            ports.free()

    def test_names_who_holds_a_port(self, taken):
        assert ports.holder(taken).endswith(f"(pid {os.getpid()})")

    def test_names_nobody_when_nobody_holds_it(self):
        assert ports.holder(ports.free()) == ""


class TestGatewayPort:
    def test_a_port_in_use_is_refused_with_its_holder_and_a_way_out(self, home, taken):
        with pytest.raises(Refusal) as refused:
            graph.market(home, port=taken, broker="embedded")

        assert str(refused.value) == (
            f"Port {taken} is in use.\n"
            f"  why: {ports.holder(taken)} listens on it.\n"
            f"  do:  end it, or choose another port: ./manage_all.py up --port {taken + 1}"
        )
