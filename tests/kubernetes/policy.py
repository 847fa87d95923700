"""What must be true of all that runs in the cluster. Each rule gives a sentence for each thing that breaks it."""

import re

from deploy.local import services
from tests.kubernetes import manifests

DRAIN_SECONDS = 10
"""A process of ours ends within so long after SIGTERM."""
_TAGGED = re.compile(r"([\w.-]+:\d+/)?[\w./-]+:[\w.-]+")


def broken(objects):
    """Every sentence of every rule."""
    return [said for rule in RULES for said in rule(objects)]


def runs_restricted(objects):
    """As the profile `restricted` of the Pod Security Standards has it, and nothing can be written but /tmp."""
    for workload in manifests.all_of(objects, *manifests.WORKLOADS):
        name, pod = manifests.name(workload), manifests.pod(workload)
        context = pod.get("securityContext", {})
        if not context.get("runAsNonRoot") or context.get("runAsUser") != 10001:
            yield f"{name} may run as root"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name} holds a token of the cluster"
        for word in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(word):
                yield f"{name} has {word}"
        for volume in pod.get("volumes", []):
            if not {"emptyDir", "projected", "configMap", "secret"} & set(volume):
                yield f"{name} has a volume {volume['name']} of a kind that is not known here"
        for container in manifests.containers(workload):
            wanted = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            if container.get("securityContext") != wanted:
                yield f"{name}: {container['name']} may do more than it needs"


def has_probes(objects):
    for workload in manifests.all_of(objects, "Deployment"):
        for container in manifests.pod(workload)["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if "httpGet" not in container.get(probe, {}):
                    yield f"{manifests.name(workload)}: {container['name']} has no {probe}"


def has_resources(objects):
    """A limit of memory, and none of processor time: a process that is held back while it has work is only slow."""
    for workload in manifests.all_of(objects, *manifests.WORKLOADS):
        for container in manifests.containers(workload):
            said = container.get("resources", {})
            name = f"{manifests.name(workload)}: {container['name']}"
            if set(said.get("requests", {})) != {"cpu", "memory"}:
                yield f"{name} does not say what it needs"
            if set(said.get("limits", {})) != {"memory"}:
                yield f"{name} has no limit of memory, or one of processor time"


def has_a_tagged_image(objects):
    for workload in manifests.all_of(objects, *manifests.WORKLOADS):
        for container in manifests.containers(workload):
            if not _TAGGED.fullmatch(container["image"]):
                yield f"{manifests.name(workload)}: {container['image']} has no tag"
    for one in manifests.all_of(objects, "Cluster", "RabbitmqCluster"):
        image = one["spec"].get("imageName") or one["spec"]["image"]
        if not _TAGGED.fullmatch(image):
            yield f"{manifests.name(one)}: {image} has no tag"


def is_disrupted_one_at_a_time(objects):
    budgets = manifests.all_of(objects, "PodDisruptionBudget")
    for workload in manifests.all_of(objects, "Deployment"):
        labels = manifests.labels(workload)
        found = [one for one in budgets if one["spec"]["selector"]["matchLabels"].items() <= labels.items()]
        if [one["spec"].get("maxUnavailable") for one in found] != [1]:
            yield f"{manifests.name(workload)} has not exactly one PodDisruptionBudget, of one pod"


def spreads(objects):
    for workload in manifests.all_of(objects, "Deployment"):
        chosen = [
            one["labelSelector"]["matchLabels"] for one in manifests.pod(workload).get("topologySpreadConstraints", [])
        ]
        if chosen != [manifests.labels(workload)]:
            yield f"{manifests.name(workload)} is not spread over the machines"


def is_chosen_by_its_own_labels(objects):
    """Two that are chosen by the same labels would take each other's pods."""
    deployments = manifests.all_of(objects, "Deployment")
    for workload in deployments:
        chosen = workload["spec"]["selector"]["matchLabels"]
        if [one for one in deployments if chosen.items() <= manifests.labels(one).items()] != [workload]:
            yield f"{manifests.name(workload)} is not chosen by labels of its own"


def ends_in_time(objects):
    """Who is asked by others goes on answering while they learn that it leaves; then it drains."""
    for workload in manifests.all_of(objects, "Deployment"):
        asked = manifests.labels(workload)["kind"] in ("web", "gateway")
        (container,) = manifests.pod(workload)["containers"]
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if asked and not pause:
            yield f"{manifests.name(workload)} ends while requests are still sent to it"
        if manifests.pod(workload)["terminationGracePeriodSeconds"] < pause + DRAIN_SECONDS + 5:
            yield f"{manifests.name(workload)} is killed before it has drained"


def waits_for_migrations(objects):
    for workload in manifests.all_of(objects, *manifests.WORKLOADS):
        labels = manifests.labels(workload)
        if labels["kind"] in ("migrate", "gateway"):
            continue
        before = [" ".join(one.get("command", [])) for one in manifests.pod(workload).get("initContainers", [])]
        if not any("service migrate --check" in line for line in before):
            yield f"{manifests.name(workload)} begins on a schema that it may not know"


def every_process_is_there(objects):
    """Of each service exactly its kinds of process: of messaging one and a spare, of the others as many as needed."""
    found = {one["metadata"]["name"]: one["spec"] for one in manifests.all_of(objects, "Deployment")}
    wanted = {f"{service}-{kind}" for service in services.NAMES for kind in services.processes(service)}
    for name in sorted(wanted ^ (set(found) - {"gateway"})):
        yield f"Deployment/{name} is there too much or missing"
    for name, spec in found.items():
        replicas = 2 if name.endswith("-messaging") or name == "gateway" else None
        if spec.get("replicas") != replicas:
            yield f"Deployment/{name} says {spec.get('replicas')} replicas and not {replicas}"
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in manifests.all_of(objects, "HorizontalPodAutoscaler")}
    for name in sorted(scaled ^ {f"{service}-web" for service in services.NAMES}):
        yield f"Deployment/{name} is scaled and should not be, or should be and is not"


def messaging_is_not_scaled(objects):
    for one in manifests.all_of(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        if "messaging" in one["spec"]["scaleTargetRef"]["name"]:
            yield f"{manifests.name(one)} scales what only one of is active"


def names_what_is_there(objects):
    """Of ours; the secrets of the contract are made elsewhere."""
    there = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for workload in manifests.all_of(objects, *manifests.WORKLOADS):
        for container in manifests.containers(workload):
            for source in container["envFrom"]:
                if ("ConfigMap", source["configMapRef"]["name"]) not in there:
                    yield f"{manifests.name(workload)} is told by {source['configMapRef']['name']}, which is not there"
    for one in objects:
        for kind, name in _mentioned(one):
            if (kind, name) not in there:
                yield f"{manifests.name(one)} names {kind}/{name}, which is not there"


def _mentioned(one):
    spec = one.get("spec", {})
    match one["kind"]:
        case "HorizontalPodAutoscaler":
            yield "Deployment", spec["scaleTargetRef"]["name"]
        case "ScaledObject":
            yield "Deployment", spec["scaleTargetRef"]["name"]
            for trigger in spec["triggers"]:
                yield "TriggerAuthentication", trigger["authenticationRef"]["name"]
        case "ScheduledBackup":
            yield "Cluster", spec["cluster"]["name"]
        case "Ingress":
            for rule in spec["rules"]:
                for path in rule["http"]["paths"]:
                    yield "Service", path["backend"]["service"]["name"]


def connections_suffice(objects):
    """Of a service's Postgres, for all its processes at once, also while each kind is being replaced."""
    pool, kept = 8, 5  # DB_POOL_SIZE; what a process has beside it (leaders, listeners, probes), at most
    most = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"].get("maxReplicas") or one["spec"]["maxReplicaCount"]
        for one in manifests.all_of(objects, "HorizontalPodAutoscaler", "ScaledObject")
    }
    for cluster in manifests.all_of(objects, "Cluster"):
        service = cluster["metadata"]["labels"]["service"]
        processes = [
            most.get(one["metadata"]["name"], one["spec"].get("replicas", 1)) + 1
            for one in manifests.all_of(objects, "Deployment")
            if manifests.labels(one)["service"] == service
        ]
        needed = sum(processes) * (pool + kept)
        given = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
        if needed > given - 10:  # the operator's own, and an administrator's
            yield f"{manifests.name(cluster)} has {given} connections for {needed}"


RULES = (
    runs_restricted,
    has_probes,
    has_resources,
    has_a_tagged_image,
    is_disrupted_one_at_a_time,
    spreads,
    is_chosen_by_its_own_labels,
    ends_in_time,
    waits_for_migrations,
    every_process_is_there,
    messaging_is_not_scaled,
    names_what_is_there,
    connections_suffice,
)
