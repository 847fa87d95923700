"""More containers of a service, others instead of them, and one less than was thought: nobody notices."""

import functools
import re

import httpx
import pytest

from deploy.compose import roll, stack
from deploy.local.refusals import Refusal
from shared.testing import waiting
from tests.compose import load


@pytest.fixture
def scaled(market):
    """`scaled("orders.web", 3)`: so many containers are ready; as before, after the test."""
    changed = {}

    def scale(name, so_many):
        process = name.replace(".", "-")
        changed.setdefault(process, len(market.containers(name)))
        _scale(market, process, so_many)

    yield scale
    for process, so_many in changed.items():
        _scale(market, process, so_many)


def _scale(market, process, so_many):
    options = ("--detach", "--no-deps", "--no-build", "--no-recreate", "--wait", "--wait-timeout", "120")
    market.stack.compose("up", *options, "--scale", f"{process}={so_many}", process)


def addresses(market, name):
    network = name.partition(".")[0]
    told = [one["NetworkSettings"]["Networks"] for one in market.containers(name)]
    return [one["IPAddress"] for networks in told for key, one in networks.items() if key.endswith(f"_{network}")]


def measured(address, name):
    """A figure of a process by its address; nothing where it does not tell."""
    text = httpx.get(f"http://{address}:8000/metrics", timeout=5).text
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? ([\d.e+]+)$", text, re.MULTILINE)
    return sum(map(float, found))


def test_a_spare_goes_on_when_the_active_one_is_killed_under_load(market, newcomer, behind, scaled):
    scaled("orders.messaging", 2)
    leads = functools.partial(measured, name="messaging_relay_leader")
    active, *others = sorted(addresses(market, "orders.messaging"), key=leads, reverse=True)
    assert [leads(active), *map(leads, others)] == [1, 0]
    olivia, bruno = newcomer("olivia"), newcomer("bruno")

    with load.Load(newcomer, rate=30).on() as tally:
        begun = [bruno.orders(olivia.offers()).json() for _ in range(3)]
        market.kill_at(active, "orders.messaging")
        begun += [bruno.orders(olivia.offers()).json() for _ in range(3)]
        for order in begun:
            bruno.sees_order(order, "awaiting_payment")
        waiting.until(lambda: leads(others[0]) == 1, what="the spare to take over")

    market.wait_ready("orders.messaging")
    assert tally.failures == []


class TestRoll:
    def test_to_what_does_not_become_ready_leaves_all_as_it_was(self, market, olivia, monkeypatch):
        before = ids(market, "tickets.web")
        broken = stack.Stack({**market.stack.environment, "ADMIT_ONE_IDENTITY": "nonsense"})
        monkeypatch.setattr(roll, "_READY_WITHIN_SECONDS", 8)

        with pytest.raises(Refusal, match="did not become ready"):
            roll.replace(broken, "tickets-web")

        assert ids(market, "tickets.web") == before
        assert olivia.offers()


def ids(market, name):
    return {one["Id"] for one in market.containers(name)}
