"""The rules hold in every folder; and each of them sees what it is there to see."""

import shutil

import pytest

from shared.messaging import topology
from tests.kubernetes import manifests, policy


@pytest.mark.parametrize("folder", manifests.FOLDERS)
def test_every_rule_holds(folder):
    assert policy.broken(manifests.of(folder)) == []


GONE = object()
POD, PROCESS = "spec.template.spec", "spec.template.spec.containers.0"
WEB, BUDGET = "Deployment/orders-web", "PodDisruptionBudget/orders-web"

# A rule, and what breaks it: in this object, at this path, this value. Without a path the object itself is gone.
BREAKS = (
    (policy.runs_restricted, WEB, f"{POD}.securityContext.runAsUser", 0),
    (policy.runs_restricted, "Job/orders-migrate-0", f"{POD}.securityContext.runAsNonRoot", GONE),
    (policy.runs_restricted, "Deployment/gateway", f"{POD}.securityContext.seccompProfile", GONE),
    (policy.runs_restricted, WEB, f"{POD}.automountServiceAccountToken", GONE),
    (policy.runs_restricted, WEB, f"{POD}.hostNetwork", True),
    (policy.runs_restricted, WEB, f"{POD}.volumes.0", {"name": "disk", "hostPath": {"path": "/"}}),
    (policy.runs_restricted, WEB, f"{PROCESS}.securityContext.readOnlyRootFilesystem", False),
    (policy.runs_restricted, WEB, f"{PROCESS}.securityContext.capabilities.drop", ["NET_RAW"]),
    (policy.runs_restricted, WEB, f"{POD}.initContainers.0.securityContext", GONE),
    (policy.has_probes, WEB, f"{PROCESS}.startupProbe", GONE),
    (policy.has_probes, "Deployment/gateway", f"{PROCESS}.livenessProbe", GONE),
    (policy.has_probes, "Deployment/auth-worker", f"{PROCESS}.readinessProbe", GONE),
    (policy.has_resources, WEB, f"{PROCESS}.resources", GONE),
    (policy.has_resources, WEB, f"{PROCESS}.resources.requests.cpu", GONE),
    (policy.has_resources, "Job/auth-keys-0", f"{PROCESS}.resources.limits.memory", GONE),
    (policy.has_resources, WEB, f"{PROCESS}.resources.limits.cpu", "1"),
    (policy.has_a_tagged_image, WEB, f"{PROCESS}.image", "admit-one-orders"),
    (policy.has_a_tagged_image, "RabbitmqCluster/rabbitmq", "spec.image", "rabbitmq"),
    (policy.is_disrupted_one_at_a_time, "PodDisruptionBudget/payments-worker", "", GONE),
    (policy.is_disrupted_one_at_a_time, BUDGET, "spec.maxUnavailable", 2),
    (policy.spreads, WEB, f"{POD}.topologySpreadConstraints", GONE),
    (policy.is_chosen_by_its_own_labels, WEB, "spec.selector.matchLabels", {"service": "orders"}),
    (policy.ends_in_time, WEB, f"{PROCESS}.lifecycle", GONE),
    (policy.ends_in_time, WEB, f"{POD}.terminationGracePeriodSeconds", 15),
    (policy.waits_for_migrations, "Deployment/orders-messaging", f"{POD}.initContainers", GONE),
    (policy.every_process_is_there, "Deployment/auth-worker", "", GONE),
    (policy.every_process_is_there, "Deployment/orders-messaging", "spec.replicas", 1),
    (policy.every_process_is_there, WEB, "spec.replicas", 3),
    (policy.every_process_is_there, "HorizontalPodAutoscaler/tickets-web", "", GONE),
    (policy.messaging_is_not_scaled, "ScaledObject/auth-worker", "spec.scaleTargetRef.name", "auth-messaging"),
    (policy.names_what_is_there, WEB, f"{PROCESS}.envFrom.1.configMapRef.name", "settings"),
    (policy.names_what_is_there, "HorizontalPodAutoscaler/orders-web", "spec.scaleTargetRef.name", "web"),
    (policy.names_what_is_there, "TriggerAuthentication/auth-worker", "", GONE),
    (policy.names_what_is_there, "Cluster/orders-postgres", "", GONE),
    (policy.connections_suffice, "HorizontalPodAutoscaler/orders-web", "spec.maxReplicas", 40),
)


def plant(objects, whole, path, value):
    at = manifests.called(objects, *whole.split("/"))
    if not path:
        return objects.remove(at)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        at = at[step]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return None


@pytest.mark.parametrize(
    ("rule", "planted"), [(rule, planted) for rule, *planted in BREAKS], ids=[f"{one[1]} {one[2]}" for one in BREAKS]
)
def test_what_breaks_a_rule_is_named_by_it(rule, planted):
    objects = manifests.of("base")
    assert not list(rule(objects))

    plant(objects, *planted)

    assert list(rule(objects))


def test_each_rule_has_something_that_breaks_it():
    assert {rule for rule, *_ in BREAKS} == set(policy.RULES)


class TestProduction:
    def test_runs_a_version_and_never_the_latest(self):
        images = [
            container["image"]
            for workload in manifests.all_of(manifests.of("overlays/production"), *manifests.WORKLOADS)
            for container in manifests.containers(workload)
        ]

        assert images
        assert not [image for image in images if image.endswith(":latest") or "/" not in image]

    def test_gives_the_jobs_of_each_version_a_name_of_their_own(self):
        names = {one["metadata"]["name"] for one in manifests.all_of(manifests.of("overlays/production"), "Job")}

        assert "orders-migrate-1.0.0" in names
        assert all(name.endswith("-1.0.0") for name in names)

    def test_may_have_a_registry_with_a_port(self, tmp_path):
        shutil.copytree(manifests.PLACE, tmp_path, dirs_exist_ok=True)
        overlay = tmp_path / "overlays" / "production" / "kustomization.yaml"
        overlay.write_text(overlay.read_text().replace("registry.example/", "registry.example:5000/"))

        objects = manifests.of(overlay.parent)

        assert policy.broken(objects) == []
        names = {one["metadata"]["name"] for one in manifests.all_of(objects, "Job")}
        assert {f"{service}-migrate-1.0.0" for service in topology.SERVICES} <= names

    def test_loses_no_write_that_was_confirmed_when_a_machine_is_lost(self):
        clusters = manifests.all_of(manifests.of("overlays/production"), "Cluster")

        for cluster in clusters:
            assert cluster["spec"]["instances"] >= 3
            assert cluster["spec"]["postgresql"]["synchronous"] == {
                "method": "any",
                "number": 1,
                "dataDurability": "required",
                "failoverQuorum": True,
            }
        assert len(clusters) == len(topology.SERVICES)

    def test_backs_every_database_up_to_a_store_that_is_there(self):
        objects = manifests.of("overlays/production")
        stores = {one["metadata"]["name"] for one in manifests.all_of(objects, "ObjectStore")}
        backed_up = {one["spec"]["cluster"]["name"] for one in manifests.all_of(objects, "ScheduledBackup")}
        clusters = manifests.all_of(objects, "Cluster")

        assert backed_up == {cluster["metadata"]["name"] for cluster in clusters}
        for cluster in clusters:
            (plugin,) = cluster["spec"]["plugins"]
            assert plugin["isWALArchiver"]
            assert plugin["parameters"]["barmanObjectName"] in stores


class TestBroker:
    def told(self, folder):
        """The broker's specification, and its rabbitmq.conf by name."""
        broker = manifests.called(manifests.of(folder), "RabbitmqCluster", "rabbitmq")["spec"]
        lines = broker["rabbitmq"]["additionalConfig"].splitlines()
        return broker, dict(line.split(" = ") for line in lines if not line.startswith("#"))

    def test_has_every_queue_on_three_nodes(self):
        broker, lines = self.told("overlays/production")

        assert broker["replicas"] == 3
        assert lines["quorum_queue.continuous_membership_reconciliation.enabled"] == "true"
        assert lines["quorum_queue.continuous_membership_reconciliation.target_group_size"] == "3"
        assert lines["cluster_partition_handling"] == "pause_minority"

    @pytest.mark.parametrize("folder", manifests.FOLDERS)
    def test_waits_for_no_node_that_never_comes(self, folder):
        broker, lines = self.told(folder)

        # Without it the operator writes what `replicas` says.
        assert int(lines.get("cluster_formation.target_cluster_size_hint", broker["replicas"])) <= broker["replicas"]
        target = "quorum_queue.continuous_membership_reconciliation.target_group_size"
        assert int(lines.get(target, 1)) <= broker["replicas"]

    @pytest.mark.parametrize("folder", manifests.FOLDERS)
    def test_has_a_disk_of_which_it_may_use_most(self, folder):
        broker, lines = self.told(folder)
        disk = int(broker["persistence"]["storage"].removesuffix("Gi")) * 2**30
        kept_free = lines["disk_free_limit.absolute"].replace("GB", "000MB").removesuffix("MB")

        assert int(kept_free) * 10**6 < disk / 4
