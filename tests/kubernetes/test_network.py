"""The NetworkPolicies allow the arrows of docs/architecture.md, what the operators need, and nothing else."""

import pytest

from deploy.local import services
from shared.messaging import topology
from tests.kubernetes import manifests, network


def arrows(folder):
    """(from, to, port) for everything that somebody needs."""
    every = [end.name for end in network.inside(manifests.of(folder))]
    yield from ((name, "dns", 53) for name in every)
    yield from _edge(folder, every)
    yield from _broker()
    for service in topology.SERVICES:
        yield from _service(service)
        if folder == "overlays/production":  # with the component `tracing`
            yield from ((f"{service}-{kind}", "collector", 4318) for kind in services.processes(service))


def _service(service):
    kinds = services.processes(service)
    jobs = ["migrate", *(["keys"] if service == "auth" else [])]
    database = f"{service}-postgres"
    yield "gateway-gateway", f"{service}-web", 8000
    for kind in kinds:
        yield "prometheus", f"{service}-{kind}", 8000
    for kind in (*kinds, *jobs):
        yield f"{service}-{kind}", database, 5432
    for kind in kinds:
        if kind != "web":
            yield f"{service}-{kind}", "rabbitmq", 5672
    if service != "auth":
        yield f"{service}-messaging", "auth-web", 8000
    if service == "auth":
        yield from (("auth-worker", "world", port) for port in (465, 587))
    if service == "payments":
        yield from ((f"payments-{kind}", "world", 443) for kind in ("web", "worker"))
    yield from _postgres(database)


def _postgres(database):
    """Its instances, and the jobs that begin one, talk to each other and to the control plane; the operator to them."""
    members = (database, f"{database}-job")
    for member in members:
        yield from ((member, other, port) for other in (*members, "cnpg") for port in (5432, 8000) if other != "cnpg")
        yield from (("cnpg", member, port) for port in (5432, 8000))
        yield "prometheus", member, 9187
        yield from _control(member)
    service = database.removesuffix("-postgres")
    for kind in (*services.processes(service), "migrate", *(["keys"] if service == "auth" else [])):
        yield f"{service}-{kind}", f"{database}-job", 5432  # it cannot be told from an instance; nothing listens there


def _broker():
    yield from (("rabbitmq", "rabbitmq", port) for port in (4369, 25672, 35675))
    yield "keda", "rabbitmq", 5672
    yield "rabbitmq-operator", "rabbitmq", 15672
    yield "prometheus", "rabbitmq", 15692
    yield from _control("rabbitmq")


def _control(name):
    """The API server has an address that no label names, and the store of the backups is anywhere."""
    yield from ((name, outside.name, port) for outside in network.OUTSIDE for port in (443, 6443))


def _edge(folder, every):
    """In production an ingress stands before the gateway."""
    if folder == "overlays/production":
        yield "ingress", "gateway-gateway", 8000
    else:
        yield from ((outside.name, "gateway-gateway", 8000) for outside in network.OUTSIDE)


@pytest.mark.parametrize("folder", manifests.FOLDERS)
def test_exactly_the_arrows_are_allowed(folder):
    allowed, wanted = network.flows(manifests.of(folder)), set(arrows(folder))

    assert allowed - wanted == set(), "more than the architecture says"
    assert wanted - allowed == set(), "less than is needed"


@pytest.mark.parametrize(
    "name", [one["metadata"]["name"] for one in manifests.all_of(manifests.of("base"), "NetworkPolicy")]
)
def test_each_policy_is_needed(name):
    objects = manifests.of("base")

    objects.remove(manifests.called(objects, "NetworkPolicy", name))

    assert network.flows(objects) != set(arrows("base"))


def one(kind, service):
    return {"matchLabels": {"kind": kind, "service": service}}


TICKETS_DATABASE = {"matchLabels": {"cnpg.io/cluster": "tickets-postgres"}}
ADDED = {
    "another service's database": [
        {"podSelector": TICKETS_DATABASE, "ingress": [{"from": [{"podSelector": one("web", "orders")}]}]},
        {
            "podSelector": one("web", "orders"),
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"podSelector": TICKETS_DATABASE}]}],
        },
    ],
    "everybody in the namespace": [
        {"podSelector": one("web", "orders"), "ingress": [{"from": [{"podSelector": {}}]}]},
        {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": one("web", "orders")}]}]},
    ],
    "whoever calls itself so elsewhere": [
        {
            "podSelector": one("web", "orders"),
            "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"service": "gateway"}}}]}],
        }
    ],
    "the addresses inside": [
        {
            "podSelector": one("worker", "payments"),
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}],
        }
    ],
    "one port more": [
        {
            "podSelector": one("worker", "auth"),
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": "93.184.216.34/32"}}], "ports": [{"port": 25}]}],
        }
    ],
}


@pytest.mark.parametrize("specs", ADDED.values(), ids=ADDED)
def test_one_arrow_more_is_seen(specs):
    added = [{"kind": "NetworkPolicy", "metadata": {"name": "added"}, "spec": spec} for spec in specs]

    assert network.flows([*manifests.of("base"), *added]) - set(arrows("base"))
