"""The plan: the same for the same seed, everything often enough, nothing on top of each other."""

import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from deploy.chaos import plan
from deploy.chaos.faults import table

ONE_BROKER, CLUSTER = (
    tuple(name for name in plan.KINDS if broker in table.FAULTS[name].strikes) for broker in ("rabbitmq", "cluster")
)
SEEDS = st.integers(min_value=0, max_value=2**31)


@hypothesis.given(seed=SEEDS)
@hypothesis.settings(max_examples=25, deadline=None)
def test_the_same_seed_replays_the_same_plan(seed):
    assert _drawn(seed) == _drawn(seed)


def test_another_seed_makes_another_plan():
    assert _drawn(1) != _drawn(2)


@hypothesis.given(seed=SEEDS)
@hypothesis.settings(max_examples=25, deadline=None)
def test_every_fault_strikes_at_least_twice(seed):
    strikes = [strike.fault for strike in _drawn(seed)]

    assert all(strikes.count(fault) >= 2 for fault in ONE_BROKER)


@hypothesis.given(seed=SEEDS)
@hypothesis.settings(max_examples=25, deadline=None)
def test_no_two_strikes_that_overlap_touch_the_same_thing(seed):
    for one, other in itertools.combinations(_drawn(seed), 2):
        assert not one.holds & other.holds or one.at >= other.over or other.at >= one.over


@hypothesis.given(seed=SEEDS)
@hypothesis.settings(max_examples=25, deadline=None)
def test_a_plan_is_not_much_longer_than_asked(seed):
    assert max(strike.at for strike in _drawn(seed)) < 120


def test_twenty_seeds_of_three_minutes_kill_a_thousand_times():
    kills = [strike for seed in range(20) for strike in _drawn(seed, seconds=180) if strike.fault == "kill"]

    assert len(kills) >= 1000


@pytest.mark.parametrize("fault", plan.KINDS)
def test_one_fault_can_be_asked_for_alone(fault):
    strikes = _drawn(3, faults=[fault])

    assert {strike.fault for strike in strikes} == {fault}
    assert len(strikes) >= 2


def test_a_cluster_is_struck_at_its_nodes_one_at_a_time():
    strikes = _drawn(5, seconds=300, faults=CLUSTER, nodes=plan.NODES)
    on_nodes = [strike for strike in strikes if strike.holds == {"broker"}]

    targets = {strike.target for strike in strikes}
    assert {strike.fault for strike in on_nodes} >= {"leader-kill", "partition", "isolation"}
    assert not targets & {"broker", *(f"{service}.broker" for service in plan.SERVICES)}
    assert all(one.at >= other.over or other.at >= one.over for one, other in itertools.combinations(on_nodes, 2))


def test_the_processes_of_a_cluster_are_killed_too():
    killed = {strike.target for strike in _drawn(5, seconds=300, faults=["kill"], nodes=plan.NODES)}

    assert killed == {*plan.NODES, *plan.PROCESSES} - {"broker"}


def test_as_many_rounds_as_are_asked_for():
    strikes = plan.draw(seed=1, seconds=1, faults=["partition", "leader-kill"], nodes=plan.NODES, rounds=1)

    assert sorted(strike.fault for strike in strikes) == ["leader-kill", "partition"]


def test_a_freeze_lasts_as_long_as_asked():
    strikes = _drawn(4, faults=["freeze"], freeze=6.0)

    assert {strike.seconds for strike in strikes} == {6.0}


def _drawn(seed, *, seconds=90, faults=ONE_BROKER, **options):
    return plan.draw(seed=seed, seconds=seconds, faults=faults, **options)
