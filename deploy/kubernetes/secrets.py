"""`manage_all.py kubernetes secrets`: what the processes in a cluster have to be told in secret, for `kubectl apply`.

What Kubernetes calls `orders-secrets` holds one file a key, which the processes of orders find in /run/secrets. The
address of its database is not among them: that secret CloudNativePG makes.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.local import homes, services
from shared.messaging import topology

DEFINITIONS = "rabbitmq-definitions"


def main(*, namespace: str, email_url: str, keep: Path) -> int:
    """Print all of them as one List. What was made before is kept in the directory `keep` and is the same again."""
    made = manifests(homes.Home(keep.resolve()), namespace=namespace, email_url=email_url)
    sys.stdout.write(json.dumps({"apiVersion": "v1", "kind": "List", "items": made}, indent=1) + "\n")
    return 0


def manifests(home: homes.Home, *, namespace: str, email_url: str) -> list[dict[str, Any]]:
    """One Secret a service, and RabbitMQ's definitions with the same passwords in them."""
    values = {service: _values(home, service, namespace) for service in services.NAMES}
    values["auth"] |= {
        "signing_secret": home.secret("auth.signing_secret"),
        "refresh_secret": home.secret("auth.refresh_secret"),
        "email_url": email_url,
    }
    told = [_secret(f"{service}-secrets", namespace, keys) for service, keys in values.items()]
    return [*told, _secret(DEFINITIONS, namespace, {"definitions.json": _definitions(home)})]


def _values(home: homes.Home, service: str, namespace: str) -> dict[str, str]:
    told = {
        "secret_key": home.secret(f"{service}.secret_key"),
        "broker_url": _broker_url(home, service, namespace, vhost=topology.VHOST),
    }
    if service in services.WITH_WORKER:
        told["celery_broker_url"] = _broker_url(home, service, namespace, vhost=service)
    return told


def _broker_url(home: homes.Home, service: str, namespace: str, *, vhost: str) -> str:
    """With the namespace in its host: KEDA, which counts the tasks that wait, asks from another one."""
    password = quote(home.secret(f"broker.{service}"), safe="")
    return f"amqp://{service}:{password}@rabbitmq.{namespace}.svc:5672/{vhost}"


def _definitions(home: homes.Home) -> str:
    passwords = {service: home.secret(f"broker.{service}") for service in topology.SERVICES}
    return json.dumps(topology.definitions(passwords, admin_password=home.secret("broker.admin")), indent=1)


def _secret(name: str, namespace: str, values: Mapping[str, str]) -> dict[str, Any]:
    described = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "admit-one"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": described, "stringData": dict(values)}
