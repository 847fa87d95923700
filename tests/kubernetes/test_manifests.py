"""Kubernetes and the operators understand every word of what they are given, at the oldest version that we name too."""

import jsonschema
import kubernetes_validate
import pytest

from tests.kubernetes import manifests, operators

OLDEST, NEWEST = "1.30", "1.37"
every_folder = pytest.mark.parametrize("folder", manifests.FOLDERS)


def complaints(objects, version):
    """What is wrong, by object; one whose kind nobody here knows is wrong, too."""
    found = {}
    for one in objects:
        try:
            if spec := operators.SPECS.get((one["apiVersion"], one["kind"])):
                jsonschema.validate(one["spec"], spec)
            else:
                kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError as error:
            found[manifests.name(one)] = error.message
        except jsonschema.ValidationError as error:
            found[manifests.name(one)] = error.message
    return found


@every_folder
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_word_is_understood(folder, version):
    assert complaints(manifests.of(folder), version) == {}


def test_an_older_cluster_would_not_understand_the_pause_before_the_end():
    assert "Deployment/orders-web" in complaints(manifests.of("base"), "1.28")


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        ("Deployment", "orders-web", "replica"),
        ("NetworkPolicy", "orders-web", "ingres"),
        ("Cluster", "orders-postgres", "instance"),
        ("ScheduledBackup", "orders-postgres", "suspended"),
        ("RabbitmqCluster", "rabbitmq", "replica"),
        ("ScaledObject", "auth-worker", "minReplicas"),
        ("TriggerAuthentication", "auth-worker", "secretRef"),
        ("PodMonitor", "services", "endpoints"),
        ("PrometheusRule", "market", "rules"),
    ],
)
def test_a_misspelt_word_is_not(kind, name, key):
    objects = manifests.of("base")

    manifests.called(objects, kind, name)["spec"][key] = 3

    assert f"{kind}/{name}" in complaints(objects, NEWEST)


def test_a_kind_that_nobody_knows_is_not_let_pass():
    unknown = {"apiVersion": "example.com/v1", "kind": "Wish", "metadata": {"name": "one"}, "spec": {}}

    assert list(complaints([unknown], NEWEST)) == ["Wish/one"]


@every_folder
def test_everything_is_in_the_one_namespace_and_nothing_is_there_twice(folder):
    objects = manifests.of(folder)

    assert {one["metadata"].get("namespace") for one in objects if one["kind"] != "Namespace"} == {"admit-one"}
    assert len({manifests.name(one) for one in objects}) == len(objects)


@every_folder
def test_no_secret_is_in_the_repository(folder):
    assert not manifests.all_of(manifests.of(folder), "Secret")


def test_one_machine_needs_no_operators_but_those_of_postgres_and_rabbitmq():
    groups = {one["apiVersion"].partition("/")[0] for one in manifests.of("overlays/local")}

    assert {group for group in groups if "." in group} == {
        "networking.k8s.io",
        "postgresql.cnpg.io",
        "rabbitmq.com",
    }
