"""Who reaches whom on which port, by the NetworkPolicies: both ends have to allow it; whom none names is free."""

import dataclasses
import ipaddress
import itertools

from tests.kubernetes import manifests

PORTS = (25, 53, 80, 443, 465, 587, 4318, 4369, 5432, 5672, 6443, 8000, 9187, 15672, 15692, 25672, 35675)


@dataclasses.dataclass(frozen=True)
class End:
    """A pod, or an address outside (`namespace` is empty)."""

    name: str
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    address: str = "10.1.2.3"


def end(name, namespace, **labels):
    return End(name, namespace, tuple(labels.items()))


INSIDE = "admit-one"
WORLD = End("world", address="93.184.216.34")
METADATA = End("metadata", address="169.254.169.254")
CONTROL = End("control plane", address="10.0.0.1")
OUTSIDE = (
    WORLD,
    METADATA,
    CONTROL,
    End("dns", "kube-system", (("k8s-app", "kube-dns"),)),
    End("prometheus", "monitoring", (("app.kubernetes.io/name", "prometheus"),)),
    End("grafana", "monitoring", (("app.kubernetes.io/name", "grafana"),)),
    End("collector", "monitoring", (("app.kubernetes.io/name", "opentelemetry-collector"),)),
    End("keda", "keda"),
    End("cnpg", "cnpg-system"),
    End("rabbitmq-operator", "rabbitmq-system"),
    End("ingress", "ingress"),
    End("stranger", "default", (("service", "gateway"), ("kind", "web"))),
)


def inside(objects):
    """Every pod of the market; those that the operators make have the labels that they give them."""
    for one in manifests.all_of(objects, *manifests.WORKLOADS):
        labels = manifests.labels(one)
        yield end(f"{labels['service']}-{labels['kind']}", INSIDE, **labels)
    for one in manifests.all_of(objects, "Cluster"):
        label = (("cnpg.io/cluster", one["metadata"]["name"]),)
        yield End(one["metadata"]["name"], INSIDE, (*label, *one["spec"]["inheritedMetadata"]["labels"].items()))
        # The jobs by which CloudNativePG begins an instance do not inherit labels.
        yield End(f"{one['metadata']['name']}-job", INSIDE, label)
    yield End("rabbitmq", INSIDE, (("app.kubernetes.io/name", "rabbitmq"),))
    yield End("newcomer", INSIDE, (("app", "newcomer"),))


def flows(objects):
    """(from, to, port) by name, for all that is allowed and has an end in the market."""
    policies = [one["spec"] for one in manifests.all_of(objects, "NetworkPolicy")]
    ends = [*inside(objects), *OUTSIDE]
    out = {end: _rules(policies, end, "egress") for end in ends}
    into = {end: _rules(policies, end, "ingress") for end in ends}
    return {
        (source.name, target.name, port)
        for source, target in itertools.product(ends, ends)
        if INSIDE in (source.namespace, target.namespace)
        for port in _ports(out[source], "to", target) & _ports(into[target], "from", source)
    }


def _rules(policies, subject, direction):
    """What allows the pod to talk, or to be talked to; None where nothing is refused."""
    if subject.namespace != INSIDE:
        return None
    chosen = [one for one in policies if _matches(one["podSelector"], subject) and direction in _directions(one)]
    return [rule for one in chosen for rule in one.get(direction, [])] if chosen else None


def _ports(rules, peers, other):
    """The ports on which the rules allow the other end."""
    if rules is None:
        return set(PORTS)
    met = [rule for rule in rules if _meets(rule.get(peers), other)]
    return {port for rule in met for port in PORTS if not rule.get("ports") or any(_is(port, p) for p in rule["ports"])}


def _directions(policy):
    said = policy.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in policy else [])]
    return [word.lower() for word in said]


def _is(port, said):
    return said["port"] <= port <= said.get("endPort", said["port"])


def _meets(peers, other):
    return not peers or any(_is_peer(peer, other) for peer in peers)


def _is_peer(peer, other):
    if block := peer.get("ipBlock"):
        address = ipaddress.ip_address(other.address)
        within = [address in ipaddress.ip_network(net) for net in (block["cidr"], *block.get("except", []))]
        return within[0] and not any(within[1:])
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        place = End("", "", (("kubernetes.io/metadata.name", other.namespace),))
        return _matches(peer["namespaceSelector"], place) and _matches(peer.get("podSelector", {}), other)
    return other.namespace == INSIDE and _matches(peer["podSelector"], other)


def _matches(selector, one):
    labels = dict(one.labels)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def _holds(expression, labels):
    value, values = labels.get(expression["key"]), expression.get("values", [])
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case operator:
            raise AssertionError(f"{operator} is not known here")
