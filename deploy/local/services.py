"""The processes of the services: what each is told by its environment, and how it is started."""

import dataclasses
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import quote

from deploy.local import cluster, databases, embedded, homes, rabbitmq, spec, stamps
from shared.messaging import topology
from shared.settings import base

NAMES = topology.SERVICES
WITH_WORKER = topology.CELERY_VHOSTS
STRATEGIES = tuple(base.STRATEGIES)
KINDS = ("web", "messaging", "worker")
_OURS = (
    "DJANGO_",
    "PG",
    "RABBITMQ_",
    "DATABASE_URL",
    "BROKER_URL",
    "CELERY_",
    "PYTHONPATH",
    "MARKET_",
    "IDENTITY_",
    "INTROSPECT_",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rig:
    """What somebody who tests a market puts between its processes and the world; nobody else's market has one."""

    routes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """`orders.postgres`, `orders.broker` → the port that the processes of orders are told instead of the real one."""
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Told to every process of every service."""
    databases: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    """By service: told to its PostgreSQL."""
    nodes: Sequence[cluster.Node] = ()
    """Of the broker, where that is a `cluster`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Market:
    """What one market is made of; everything else follows from it."""

    home: homes.Home
    ports: Mapping[str, int]
    """By process name (`orders.web`, `orders.postgres`, `broker`, …)."""
    port: int
    """The gateway's."""
    broker: str
    order_window: int | None = None
    limits: bool = False
    identity: str = "local"
    """How every service but auth learns who is asking: one of STRATEGIES."""
    https: bool = False
    rig: Rig = dataclasses.field(default_factory=Rig)

    @property
    def url(self) -> str:
        return f"{'https' if self.https else 'http'}://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path | None:
        """The certificate by which to know the gateway, which it makes at its first start; None on http."""
        return self.home.path / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt" if self.https else None

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """What clients of the gateway verify it by."""
        return ssl.create_default_context(cafile=self.authority) if self.authority else True

    @property
    def services(self) -> tuple[str, ...]:
        """Those that take part: one that was written while the market runs does only when it has joined."""
        return tuple(service for service in NAMES if f"{service}.postgres" in self.ports)

    def route(self, service: str, to: str) -> int:
        """The port where the processes of `service` find its `postgres` or the `broker`."""
        real = f"{service}.{to}" if to == "postgres" else to
        return self.rig.routes.get(f"{service}.{to}", self.ports[real])


def processes(service: str) -> tuple[str, ...]:
    """The kinds of process that `service` has."""
    return KINDS if service in WITH_WORKER else ("web", "messaging")


def noun(service: str) -> str:
    """The plural noun that names the domain app of `service`: `users` of auth."""
    (app,) = homes.ROOT.glob(f"{service}_service/*/apps.py")
    return app.parent.name


def steps(market: Market, service: str, *, broker_ready: str) -> list[spec.Step]:
    """Migrations, then the processes; messaging and worker also wait for the step `broker_ready`."""
    told = environment(market, service)
    ready = [f"{service}.migrate"]
    arguments = ["migrate", "--noinput"]
    listed: list[spec.Step] = [
        _command(market, service, ready[0], arguments, after=f"{service}.role", environment=told)
    ]
    if service == "auth":
        ready = ["auth.keys"]
        arguments = ["ensure_signing_key"]
        listed.append(_command(market, service, ready[0], arguments, after="auth.migrate", environment=told))
    elif market.identity == "introspect":
        listed.append(_credential(market, service))
        ready = [*ready, listed[-1].name]
    for kind in processes(service):
        after = ready if kind == "web" else [*ready, broker_ready]
        listed.append(_process(market, service, kind, after=after, environment=told))
    return listed


def environment(market: Market, service: str) -> dict[str, str]:
    """Everything a process of `service` is told, on top of this shell's environment."""
    home = market.home
    told = {
        "SECRET_KEY": home.secret(f"{service}.secret_key"),
        "DATABASE_URL": databases.url(home, service, market.route(service, "postgres")),
        "BROKER_URL": _broker_url(market, service),
        "PUBLIC_ORIGIN": market.url,
        "TRUSTED_PROXIES": "127.0.0.1",
        "LOG_FORMAT": os.environ.get("LOG_FORMAT", "console"),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
        "PYTHONUNBUFFERED": "1",
    }
    if service == "auth":
        told |= {
            "SIGNING_SECRET": home.secret("auth.signing_secret"),
            "REFRESH_SECRET": home.secret("auth.refresh_secret"),
            "LIMITS_PER_ADDRESS": str(market.limits).lower(),
            "EMAIL_URL": os.environ.get("EMAIL_URL") or f"filemail:///{quote(str(home.mail))}",
        }
    else:
        told |= _proof(market, service)
    if service in WITH_WORKER:
        told["CELERY_BROKER_URL"] = _celery_url(market, service)
    if service == "orders" and market.order_window:
        told["ORDER_WINDOW_SECONDS"] = str(market.order_window)
    return {**_inherited(), **told, **market.rig.environment}


def manage(service: str, *arguments: str) -> list[str]:
    """The command line of a management command of `service`."""
    return [sys.executable, f"{service}_service/manage.py", *arguments]


def line(service: str, kind: str, port: int) -> list[str]:
    """The command line of a process of `service`."""
    match kind:
        case "web":
            bind = ["--bind", f"127.0.0.1:{port}", f"{service}_service.config.wsgi:application"]
            return [sys.executable, "-m", "gunicorn", "--config", "shared/settings/gunicorn.py", *bind]
        case "messaging":
            return manage(service, "run_messaging", "--port", str(port))
        case _:
            return manage(service, "run_worker", "--port", str(port))


def answers(url: str, *, authority: Path | None = None) -> bool:
    """Whether a GET of `url` is answered with success; on https, by somebody whom `authority` has signed for."""
    try:
        trust = ssl.create_default_context(cafile=authority) if authority else None
        with urllib.request.urlopen(url, timeout=3, context=trust) as response:  # noqa: S310 - an address of our own
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _proof(market: Market, service: str) -> dict[str, str]:
    """What a service is told so that it can find out who is asking."""
    auth = f"http://127.0.0.1:{market.ports['auth.web']}"
    told = {"IDENTITY_STRATEGY": market.identity, "JWKS_URL": f"{auth}/.well-known/jwks.json"}
    if market.identity == "introspect":
        secret = market.home.secret(f"{service}.introspect_secret")
        told |= {"INTROSPECT_URL": f"{auth}/internal/introspect", "INTROSPECT_SECRET": secret}
    return told


def _credential(market: Market, service: str) -> spec.Command:
    """Have auth know the secret with which `service` asks about tokens."""
    told = environment(market, "auth") | {"NEW_SECRET": market.home.secret(f"{service}.introspect_secret")}
    arguments = ["service_credentials", "add", service]
    step = _command(market, "auth", f"{service}.credential", arguments, after="auth.web", environment=told)
    return dataclasses.replace(step, after=[*step.after, f"{service}.migrate"])


def _process(
    market: Market, service: str, kind: str, *, after: list[str], environment: Mapping[str, str]
) -> spec.Process:
    name = f"{service}.{kind}"
    port = market.ports[name]
    url = f"http://127.0.0.1:{port}"
    return spec.Process(
        name=name,
        after=after,
        line=line(service, kind, port),
        environment=environment,
        cwd=homes.ROOT,
        port=port,
        url=url,
        ready=partial(answers, f"{url}/readyz"),
    )


def _command(
    market: Market, service: str, name: str, arguments: Sequence[str], *, after: str, environment: Mapping[str, str]
) -> spec.Command:
    stamp = stamps.Stamp(market.home, service=service, step=name)
    return spec.Command(
        name=name,
        after=[after],
        line=manage(service, *arguments),
        environment=environment,
        cwd=homes.ROOT,
        is_done=stamp.is_valid,
        remember=stamp.set,
    )


def _broker_url(market: Market, service: str) -> str:
    match market.broker:
        case "rabbitmq":
            return rabbitmq.url(market.home, service, market.route(service, "broker"))
        case "embedded":
            return embedded.url(market.home, service, market.route(service, "broker"))
        case "cluster":
            return cluster.url(market.home, market.rig.nodes, service)
        case _:
            return os.environ["BROKER_URL"].replace("{service}", service)


def _celery_url(market: Market, service: str) -> str:
    match market.broker:
        case "rabbitmq":
            return rabbitmq.url(market.home, service, market.route(service, "broker"), vhost=service)
        case "embedded":
            database = embedded.celery_database(service)
            return embedded.url(market.home, service, market.route(service, "broker"), database=database)
        case "cluster":
            return cluster.url(market.home, market.rig.nodes, service, vhost=service)
        case _:
            return os.environ.get("CELERY_BROKER_URL") or _broker_url(market, service)


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
