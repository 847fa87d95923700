"""Every process boots with exactly what the manifests tell it, from their ConfigMaps and from the secrets' files."""

import base64
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from deploy.kubernetes import secrets
from deploy.local import homes, services
from shared.messaging import topology
from tests.kubernetes import manifests

OPERATIONS = homes.ROOT / "docs" / "operations.md"
CADDYFILE = homes.ROOT / "deploy" / "gateway" / "Caddyfile"
DATABASE = {"uri": "postgresql://app:secret@orders-postgres-rw.admit-one:5432/app"}
"""What CloudNativePG makes for a cluster, as far as it is used."""
every_overlay = pytest.mark.parametrize("folder", manifests.OVERLAYS)


def told(objects, container):
    """The container's environment, as its ConfigMaps have it."""
    found = {}
    for source in container["envFrom"]:
        found |= manifests.called(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    return found


@functools.cache
def made(place):
    """By its name, what each Secret holds that `manage_all.py kubernetes secrets` makes."""
    listed = secrets.manifests(homes.Home(place), namespace="admit-one", email_url="smtp+tls://a:b@mail.example:587")
    return {one["metadata"]["name"]: one["stringData"] for one in listed}


def files(pod, held):
    """The secrets' files that the pod sees, by their names below the mount."""
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "secrets"]
    found = {}
    for source in (source["secret"] for source in volume["projected"]["sources"]):
        keys = held[source["name"]]
        items = source.get("items") or [{"key": key, "path": key} for key in keys]
        found |= {item["path"]: keys[item["key"]] for item in items}
    return found


@pytest.fixture(scope="session")
def held(tmp_path_factory):
    databases = {f"{service}-postgres-app": DATABASE for service in topology.SERVICES}
    return made(tmp_path_factory.mktemp("kept")) | databases


def environments(objects):
    """(service, environment, pod, container) of everything of ours that runs."""
    for workload in manifests.all_of(objects, *manifests.WORKLOADS):
        service = manifests.labels(workload)["service"]
        if service in topology.SERVICES:
            for container in manifests.containers(workload):
                yield service, told(objects, container), manifests.pod(workload), container


def settings_of(service):
    """A command line that reads the service's settings, as every process does first."""
    return ["-c", f"import {service}_service.config.settings"]


def run(command, environment, place, seen):
    """Run Python, told only that, with the secrets below `place`."""
    for name, value in seen.items():
        (place / name).write_text(value)
    here = {name: value.replace("/run/secrets", str(place)) for name, value in environment.items()}
    line = [sys.executable, *command]
    only = {"PATH": os.environ["PATH"], **here}
    return subprocess.run(line, cwd=homes.ROOT, env=only, capture_output=True, text=True, check=False)


@every_overlay
def test_all_containers_of_a_service_are_told_the_same(folder):
    objects = manifests.of(folder)

    for service in topology.SERVICES:
        different = {json.dumps(env, sort_keys=True) for name, env, *_ in environments(objects) if name == service}
        assert len(different) == 1


@every_overlay
@pytest.mark.parametrize("service", topology.SERVICES)
def test_a_service_boots(folder, service, held, tmp_path):
    _, environment, pod, container = next(one for one in environments(manifests.of(folder)) if one[0] == service)
    assert {"name": "secrets", "mountPath": "/run/secrets", "readOnly": True} in container["volumeMounts"]

    done = run([f"{service}_service/manage.py", "check"], environment, tmp_path, files(pod, held))

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", topology.SERVICES)
def test_a_secret_that_is_not_there_ends_the_boot(service, held, tmp_path):
    """So no process runs on something it made up, and nothing is in a Secret that nobody reads."""
    _, environment, pod, _ = next(one for one in environments(manifests.of("overlays/local")) if one[0] == service)
    seen = files(pod, held)

    for name in seen:
        place = tmp_path / name
        place.mkdir()
        done = run(settings_of(service), environment, place, {key: seen[key] for key in seen if key != name})
        assert done.returncode != 0, f"{service} does without {name}"
        assert name in done.stderr


@pytest.mark.parametrize("service", topology.SERVICES)
def test_what_the_base_leaves_open_an_overlay_has_to_say(service, held, tmp_path):
    _, environment, pod, _ = next(one for one in environments(manifests.of("base")) if one[0] == service)

    done = run(settings_of(service), environment, tmp_path, files(pod, held))

    assert done.returncode != 0
    assert "PUBLIC_ORIGIN is not set" in done.stderr


@every_overlay
def test_every_name_is_one_that_the_operators_page_explains(folder):
    page = set(re.findall(r"`([A-Z][A-Z_]+)`", OPERATIONS.read_text()))

    for service, environment, *_ in environments(manifests.of(folder)):
        unknown = {name.removesuffix("_FILE") for name in environment} - page
        assert not unknown, f"{service} is told {unknown}"


@pytest.mark.parametrize("service", topology.CELERY_VHOSTS)
def test_workers_are_scaled_by_the_queue_that_they_work_off(service, held, tmp_path):
    objects = manifests.of("base")
    _, environment, pod, _ = next(one for one in environments(manifests.of("overlays/local")) if one[0] == service)
    (trigger,) = manifests.called(objects, "ScaledObject", f"{service}-worker")["spec"]["triggers"]
    asked = f"from {service}_service.config.celery import app; print(app.conf.task_default_queue)"

    told = run(["-c", asked], environment, tmp_path, files(pod, held))

    assert trigger["metadata"]["queueName"] == told.stdout.strip(), told.stderr


@every_overlay
def test_every_service_asks_auth_where_it_is(folder):
    objects = manifests.of(folder)

    for service, environment, *_ in environments(objects):
        if service != "auth":
            address = urlsplit(environment["JWKS_URL"])
            assert address.path == "/.well-known/jwks.json"
            assert_answers(objects, address.hostname, address.port)


@every_overlay
def test_the_gateway_is_led_to_every_service(folder):
    objects = manifests.of(folder)
    (container,) = manifests.containers(manifests.called(objects, "Deployment", "gateway"))
    environment = told(objects, container)
    known = set(re.findall(r"\{\$([A-Z_]+)", CADDYFILE.read_text()))
    needed = set(re.findall(r"\{\$([A-Z_]+)\}", CADDYFILE.read_text()))

    assert needed <= set(environment) <= known
    assert {name for name in environment if name.endswith("_UPSTREAM")} == {
        f"{service.upper()}_UPSTREAM" for service in services.NAMES
    }
    for name in environment:
        if name.endswith("_UPSTREAM"):
            host, _, port = environment[name].partition(":")
            assert_answers(objects, host, int(port))


def assert_answers(objects, host, port):
    """A Service of that name leads to a container that listens."""
    spec = manifests.called(objects, "Service", host)["spec"]
    (target,) = [one["targetPort"] for one in spec["ports"] if one["port"] == port]
    led_to = [
        one
        for one in manifests.all_of(objects, "Deployment")
        if spec["selector"].items() <= manifests.labels(one).items()
    ]
    assert [manifests.name(one) for one in led_to] == [f"Deployment/{host}"]
    (container,) = manifests.pod(led_to[0])["containers"]
    assert {"name": target, "containerPort": 8000} in container["ports"]


def is_password(password, digest):
    """Whether it is what RabbitMQ keeps of it: four bytes of salt, and SHA-256 of both."""
    decoded = base64.b64decode(digest)
    return hashlib.sha256(decoded[:4] + password.encode()).digest() == decoded[4:]


class TestSecrets:
    def test_are_the_same_when_asked_for_again(self, tmp_path):
        def asked():
            listed = secrets.manifests(homes.Home(tmp_path), namespace="admit-one", email_url="smtp://mail")
            return [one["stringData"] for one in listed if one["metadata"]["name"] != secrets.DEFINITIONS]

        assert asked() == asked()

    def test_of_the_broker_are_those_that_its_definitions_know(self, tmp_path):
        held = made(tmp_path)
        definitions = json.loads(held[secrets.DEFINITIONS]["definitions.json"])

        for service in topology.SERVICES:
            address = urlsplit(held[f"{service}-secrets"]["broker_url"])
            (user,) = [one for one in definitions["users"] if one["name"] == address.username]
            assert is_password(address.password, user["password_hash"])
            assert address.path == "/market"
            assert address.hostname == "rabbitmq.admit-one.svc"
        assert held["auth-secrets"]["celery_broker_url"].endswith("/auth")
        assert "celery_broker_url" not in held["orders-secrets"]

    def test_are_mounted_where_rabbitmq_looks_for_its_definitions(self, held):
        broker = manifests.called(manifests.of("base"), "RabbitmqCluster", "rabbitmq")["spec"]
        pod = broker["override"]["statefulSet"]["spec"]["template"]["spec"]
        (mount,) = pod["containers"][0]["volumeMounts"]
        (volume,) = pod["volumes"]

        assert volume["secret"]["secretName"] == secrets.DEFINITIONS
        assert f"load_definitions = {mount['mountPath']}/definitions.json\n" in broker["rabbitmq"]["additionalConfig"]
        assert set(held[secrets.DEFINITIONS]) == {"definitions.json"}

    def test_of_the_tasks_are_what_keda_asks_the_broker_with(self, held):
        for one in manifests.all_of(manifests.of("base"), "TriggerAuthentication"):
            (reference,) = one["spec"]["secretTargetRef"]
            assert reference["key"] in held[reference["name"]]
