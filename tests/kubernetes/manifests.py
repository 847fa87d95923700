"""What a cluster is given: the folders of deploy/kubernetes as kubectl renders them, and ways to find things there."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import yaml

from deploy.local import homes

PLACE = homes.ROOT / "deploy" / "kubernetes"
FOLDERS = ("base", "overlays/local", "overlays/production")
OVERLAYS = FOLDERS[1:]
KUBECTL = Path(sys.executable).parent / "kubectl"
WORKLOADS = ("Deployment", "Job")


@functools.cache
def _rendered(folder):
    done = subprocess.run(
        [KUBECTL, "kustomize", PLACE / folder], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "kustomize warns of what it will no longer understand"
    return json.dumps(list(yaml.safe_load_all(done.stdout)))


def of(folder):
    """Every object of the folder, fresh each time: a test may change what it was given."""
    return json.loads(_rendered(folder))


def called(objects, kind, name):
    (found,) = [one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def all_of(objects, *kinds):
    return [one for one in objects if one["kind"] in kinds]


def name(one):
    return f"{one['kind']}/{one['metadata']['name']}"


def pod(workload):
    return workload["spec"]["template"]["spec"]


def labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def containers(workload):
    """First what is done before, then the process."""
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]
