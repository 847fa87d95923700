"""The secrets that compose.yml and its parts name: each a file, made once, never written over.

Two are made of others: an address holds the password of its user, and definitions.json the hashes of the broker's
passwords. The latter is what RabbitMQ loads at every start, so it is brought up to date with the topology.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from deploy.compose.stack import Stack
from deploy.local import files
from deploy.local.refusals import Refusal
from shared.messaging import topology

DEFINITIONS = "definitions.json"
ADMIN = "rabbitmq.admin_password"
_UNNAMED = (ADMIN, *(f"{service}.broker_password" for service in topology.SERVICES))
"""No container needs these: the administrator's, and what is in addresses."""

# Processes run as nobody that this machine knows, and a secret is their file as it is: they have to be let in to read
# it. Who may not enter the directory does not come so far.
_READABLE = 0o444


def make(stack: Stack) -> list[str]:
    """Make what is missing; what was done, a line each. Raises Refusal."""
    paths = {name: Path(secret["file"]) for name, secret in stack.model()["secrets"].items()}
    place = _directory(paths)
    wanted = {*paths, *_UNNAMED} - {DEFINITIONS}
    # Passwords before the addresses that hold them.
    made = [name for name in sorted(wanted, key=lambda name: ("password" not in name, name)) if _make(place, name)]
    told = [f"made {place / name}" for name in made]
    if outcome := _define(place):
        told.append(f"{outcome} {place / DEFINITIONS}")
    return told


def _directory(paths: Mapping[str, Path]) -> Path:
    (place,) = {path.parent for path in paths.values()}
    try:
        return files.directory(place)
    except OSError as error:
        raise Refusal(f"{place} cannot be made.", why=str(error), do="set ADMIT_ONE_SECRETS to another one.") from error


def _make(place: Path, name: str) -> bool:
    """Whether the secret was not there."""
    if (place / name).exists():
        return False
    owner, _, kind = name.partition(".")
    files.write(place / name, _KINDS.get(kind, _random)(place, owner), mode=_READABLE)
    return True


def _read(place: Path, name: str) -> str:
    """As the containers read it: without the end of the line that an editor leaves."""
    return (place / name).read_text().strip()


def _random(_place: Path, _owner: str) -> str:
    return secrets.token_urlsafe(48)


def _database_url(place: Path, service: str) -> str:
    password = quote(_read(place, f"{service}.postgres_password"), safe="")
    return f"postgres://{service}:{password}@{service}-postgres:5432/{service}"


def _broker_url(place: Path, service: str, *, vhost: str = topology.VHOST) -> str:
    password = quote(_read(place, f"{service}.broker_password"), safe="")
    return f"amqp://{service}:{password}@rabbitmq:5672/{vhost}"


def _celery_broker_url(place: Path, service: str) -> str:
    return _broker_url(place, service, vhost=service)


def _email_url(_place: Path, _service: str) -> str:
    """The catcher of the profile `mail`; whoever has a mail server writes its address here."""
    return "smtp://mail:1025"


_KINDS: dict[str, Callable[[Path, str], str]] = {
    "database_url": _database_url,
    "broker_url": _broker_url,
    "celery_broker_url": _celery_broker_url,
    "email_url": _email_url,
}


def _define(place: Path) -> str:
    """Bring definitions.json up to date; what that was, or nothing where it was so."""
    path = place / DEFINITIONS
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    passwords = {service: _password(place, service) for service in topology.SERVICES}
    passwords["admin"] = _read(place, ADMIN)
    wanted = topology.definitions(passwords, admin_password=passwords["admin"])
    known = {user["name"]: user for user in before.get("users", [])}
    # Salted anew each time, a password that is the same would look like another one.
    wanted["users"] = [
        old if (old := known.get(user["name"])) and _holds(old, passwords[user["name"]]) else user
        for user in wanted["users"]
    ]
    if wanted == before:
        return ""
    files.write(path, json.dumps(wanted, indent=1) + "\n", mode=_READABLE)
    return "brought up to date:" if before else "made"


def _password(place: Path, service: str) -> str:
    """The one that the service itself will say, wherever it came from."""
    return unquote(urlsplit(_read(place, f"{service}.broker_url")).password or "")


def _holds(user: Mapping[str, Any], password: str) -> bool:
    """Whether the hash is one of the password, with whatever salt. https://www.rabbitmq.com/docs/passwords"""
    salted = base64.b64decode(user["password_hash"])
    return hmac.compare_digest(salted[4:], hashlib.sha256(salted[:4] + password.encode()).digest())
