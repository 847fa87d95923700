"""What a new service may be called: its name becomes a folder, a role, an exchange, an environment variable, a path."""

import dataclasses
import importlib.util
import keyword
import re

from deploy.local import homes, services
from deploy.local.refusals import Refusal
from shared.settings import base

_WORD = re.compile(r"[a-z][a-z0-9]{1,19}")
# Roles and databases of PostgreSQL, users and vhosts of RabbitMQ, processes and directories of the local market,
# addresses of the gateway.
_RESERVED = {
    "admin", "api", "broker", "databases", "docs", "gateway", "internal", "livez", "market", "metrics", "monitoring",
    "pgmq", "postgres", "public", "rabbitmq", "readyz", "static", "status", "supervisor", "template", "test",
}  # fmt: skip
_IN_THE_APP = {"config", "manage", "migrations"}


@dataclasses.dataclass(frozen=True)
class Name:
    """`service` names who it is (`auth`), `noun` what it is about (`users`); they may be the same."""

    service: str
    noun: str


def choose(service: str, noun: str | None = None) -> Name:
    """The name of a service that can be made here. Raises Refusal."""
    name = Name(service, service if noun is None else noun)
    for word in (name.service, name.noun):
        _demand_word(word)
    _demand_free_service(name.service)
    _demand_free_noun(name.noun)
    return name


def _demand_word(word: str) -> None:
    if not _WORD.fullmatch(word):
        raise Refusal(
            f"{word!r} cannot name a service.",
            why="it becomes a Python package, a database role and part of every address.",
            do="take one lower-case word of 2 to 20 letters and digits, such as reviews.",
        )
    if keyword.iskeyword(word) or keyword.issoftkeyword(word):
        raise Refusal(f"{word} is a word of Python's own.", why="no package can be called so.", do="take another one.")


def _demand_free_service(service: str) -> None:
    if service in services.NAMES or (homes.ROOT / f"{service}_service").exists():
        raise Refusal(f"There is a service {service} already.", do=f"see {service}_service/, or take another name.")
    taken = _RESERVED | {path.stem for folder in ("tests", "requirements") for path in (homes.ROOT / folder).iterdir()}
    if service in taken:
        raise Refusal(f"{service} means something else here.", do="take another name.")


def _demand_free_noun(noun: str) -> None:
    owners = {services.noun(service): service for service in services.NAMES}
    if noun in owners:
        raise Refusal(f"{noun} is what {owners[noun]} is about.", do="take another noun: --noun NOUN")
    # An app is found by the last word of its path, and must not hide a module of Python or of a library.
    labels = {app.split(".")[-1] for app in base.APPS} | _RESERVED | _IN_THE_APP
    if noun in labels or importlib.util.find_spec(noun):
        raise Refusal(f"There is a module {noun} already.", do="take another noun: --noun NOUN")
