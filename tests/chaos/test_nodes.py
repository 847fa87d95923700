"""The plugs of a broker's nodes: whose are pulled, and that they are put in again."""

import types

import pytest

from deploy.chaos import plan
from deploy.chaos.faults import base, nodes
from deploy.chaos.networks import Plug
from deploy.local import cluster
from deploy.local.refusals import Refusal

STANDING = {"broker.1": 2, "broker.2": 7, "broker.3": 0}


class Plugs:
    def __init__(self):
        self.done = []

    def pull(self, node, plugs):
        self.done.append(("pull", node, set(plugs)))

    def plug(self, node, plugs):
        self.done.append(("plug", node, set(plugs)))


@pytest.fixture
def up(monkeypatch):
    """A market with as many connections to its nodes as STANDING tells, whose broker is whole."""
    monkeypatch.setattr(nodes, "_connections", lambda node: STANDING[node.name])
    monkeypatch.setattr(cluster, "answers", lambda home, node: True)
    monkeypatch.setattr(cluster, "running", lambda home, seen_from: cluster.names())
    places = [cluster.Node(name=name, namespace="", peer="", address="") for name in cluster.names()]
    return types.SimpleNamespace(
        home=None, nodes=places, plugs=Plugs(), broker_processes=cluster.names(), wait_ready=lambda *names: None
    )


@pytest.mark.parametrize(("fault", "plugs"), [("partition", {Plug.PEERS}), ("isolation", {Plug.PEERS, Plug.CLIENTS})])
def test_the_node_with_most_connections_loses_its_plugs_until_it_is_healed(up, monkeypatch, fault, plugs):
    struck = _struck(up, fault)
    told = struck.strike()
    seen = iter([["broker.1", "broker.3"], cluster.names()])
    monkeypatch.setattr(cluster, "running", lambda home, seen_from: next(seen))

    struck.heal()

    assert up.plugs.done == [("pull", 1, plugs), ("plug", 1, plugs)]
    assert told == "broker.2, to which 7 connections of services stand"


def test_a_cut_that_the_others_did_not_notice_is_a_miss(up):
    struck = _struck(up, "partition")
    struck.strike()

    with pytest.raises(base.Missed, match="did not notice"):
        struck.heal()


def test_it_is_healed_also_when_nobody_can_be_asked(up, monkeypatch):
    struck = _struck(up, "isolation")
    struck.strike()

    def silent(home, seen_from):
        raise Refusal("rabbitmqctl cluster_status failed.")

    monkeypatch.setattr(cluster, "running", silent)
    with pytest.raises(Refusal):
        struck.heal()

    assert [what for what, *_ in up.plugs.done] == ["pull", "plug"]


def _struck(up, fault):
    kind = {"partition": nodes.Partition, "isolation": nodes.Isolation}[fault]
    strike = plan.Strike(at=0, fault=fault, target="busiest-node", seconds=0, chance=0)
    return kind(up, strike, base.Ledger())
