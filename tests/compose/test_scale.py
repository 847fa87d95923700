"""More containers of a service, others instead of them, and one less than was thought: nobody notices."""

import contextlib
import functools
import os
import re
import sys

import httpx
import pytest

from deploy.compose import roll, stack
from deploy.local import services
from deploy.local.refusals import Refusal
from shared.testing import waiting
from tests.compose import load


@pytest.fixture
def scaled(market):
    """`scaled("orders.web", 3)`: so many containers are ready; as before, after the test."""
    changed = {}

    def scale(name, so_many):
        changed.setdefault(name, len(market.containers(name)))
        _scale(market, name, so_many)

    yield scale
    for name, so_many in changed.items():
        _scale(market, name, so_many)


def _scale(market, name, so_many):
    process = name.replace(".", "-")
    options = ("--detach", "--no-deps", "--no-build", "--no-recreate")
    market.stack.compose("up", *options, "--scale", f"{process}={so_many}", process)
    market.wait_ready(name)


def measured(address, name):
    """A figure of a process by its address; nothing where it does not tell."""
    text = httpx.get(f"http://{address}:8000/metrics", timeout=5).text
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? ([\d.e+]+)$", text, re.MULTILINE)
    return sum(map(float, found))


def test_three_replicas_share_the_work(market, newcomer, scaled):
    scaled("orders.web", 3)
    answered = functools.partial(measured, name="http_server_request_duration_seconds_count")
    before = {address: answered(address) for address in market.addresses("orders.web", "orders")}

    def everyone_was_asked():
        now.update({address: answered(address) for address in before})
        return all(now[address] > before[address] + 5 for address in before)

    now = {}
    with load.Load(newcomer, rate=40).on() as tally, contextlib.suppress(AssertionError):
        waiting.until(everyone_was_asked, seconds=60, every=1)

    assert everyone_was_asked(), (before, now, tally)
    assert len(before) == 3
    assert tally.failures == []


def test_a_spare_goes_on_when_the_active_one_is_killed_under_load(market, newcomer, behind, scaled):
    scaled("orders.messaging", 2)
    leads = functools.partial(measured, name="messaging_relay_leader")
    active, *others = sorted(market.addresses("orders.messaging", "orders"), key=leads, reverse=True)
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
    RATE = int(os.environ.get("ROLL_RATE", "40"))
    """Requests a second; a hundred take more processors than some machines have left beside new containers."""

    def test_of_every_service_fails_no_request(self, market, newcomer):
        before = {name: ids(market, name) for name in every_process()}

        with load.Load(newcomer, rate=self.RATE, so_many=max(10, self.RATE // 4)).on() as tally:
            roll.main(market.stack, names=())

        sys.stdout.write(f"\n{tally}\n")
        after = {name: ids(market, name) for name in every_process()}
        assert tally.failures == []
        assert tally.rate > self.RATE * 0.9
        assert all(len(after[name]) == len(before[name]) for name in before)
        assert not [name for name in before if before[name] & after[name]]

    def test_replaces_what_does_not_run_as_well(self, market):
        before = ids(market, "tickets.web")
        market.stack.docker("stop", sorted(before)[0])

        roll.replace(market.stack, "tickets-web")

        after = ids(market, "tickets.web")
        assert len(after) == len(before)
        assert not before & after
        market.wait_ready("tickets.web")

    def test_to_what_does_not_become_ready_leaves_all_as_it_was(self, market, olivia, monkeypatch):
        before = ids(market, "tickets.web")
        broken = stack.Stack({**market.stack.environment, "ADMIT_ONE_IDENTITY": "nonsense"})
        monkeypatch.setattr(roll, "_READY_WITHIN_SECONDS", 8)

        with pytest.raises(Refusal, match="did not become ready"):
            roll.replace(broken, "tickets-web")

        assert ids(market, "tickets.web") == before
        assert olivia.offers()


def every_process():
    return [f"{service}.{kind}" for service in services.NAMES for kind in services.processes(service)]


def ids(market, name):
    return {one["Id"] for one in market.containers(name)}
