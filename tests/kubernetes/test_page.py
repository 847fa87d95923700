"""The operators' page names what has to be there before the market is applied: operators, namespaces, secrets."""

import json
import re

from deploy.kubernetes import secrets
from deploy.local import homes
from tests.kubernetes import manifests, test_manifests

PAGE = (homes.ROOT / "docs" / "operations.md").read_text()
SECTION = PAGE[PAGE.index("## In a cluster") :].split("\n## ")[0]
NAMED = set(re.findall(r"`([\w.-]+)`", SECTION))


def test_every_namespace_that_a_policy_lets_in():
    policies = json.dumps(manifests.all_of(manifests.of("overlays/production"), "NetworkPolicy"))
    namespaces = set(re.findall(r'"kubernetes.io/metadata.name": "([\w-]+)"', policies))

    assert namespaces - {"kube-system"} <= NAMED
    assert {"cnpg-system", "monitoring", "keda", "ingress"} <= namespaces


def test_every_key_of_every_secret(tmp_path):
    made = secrets.manifests(homes.Home(tmp_path), namespace="admit-one", email_url="smtp://mail")
    keys = {key for one in made for key in one["stringData"]}
    production = manifests.of("overlays/production")
    (store,) = manifests.all_of(production, "ObjectStore")
    (ingress,) = manifests.all_of(production, "Ingress")
    credentials = store["spec"]["configuration"]["s3Credentials"].values()

    assert keys <= NAMED
    assert {one[word] for one in credentials for word in ("name", "key")} <= NAMED
    assert {one["secretName"] for one in ingress["spec"]["tls"]} <= NAMED
    assert {secrets.DEFINITIONS, "orders-secrets", "auth-secrets"} <= NAMED


def test_the_oldest_kubernetes():
    assert f"Kubernetes {test_manifests.OLDEST} or newer" in SECTION
