"""Every base image that the files of deploy/ name, made of Debian's packages, for who cannot pull them."""

import concurrent.futures
import graphlib
import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path

from deploy.airgap import debian
from deploy.airgap.engine import Engine
from deploy.local import homes

_PLACE = homes.ROOT / "deploy" / "airgap"
_RECIPES = {
    "python:3.11-slim-bookworm": "python.Dockerfile",
    "postgres:15-bookworm": "postgres.Dockerfile",
    "rabbitmq:3.10-management": "rabbitmq.Dockerfile",
    "caddy:2": "caddy.Dockerfile",
    "prom/prometheus:v2.42.0": "prometheus.Dockerfile",
}
NAMES = (debian.NAME, *_RECIPES)
_LABEL = "one.admit.recipe"
_AT_ONCE = 3  # they wait for the network and the disk as often as for a processor
_FROM = re.compile(r"^FROM (\S+)", re.MULTILINE)
_COPY = re.compile(r"^COPY ([^-]\S*)", re.MULTILINE)


def provide(engine: Engine, *, anew: bool = False, say: Callable[[str], None] = print) -> None:
    """Build what is missing, and what we have built by another recipe than today's; `anew`: all but what was pulled.

    Raises Refusal.
    """
    sorter = graphlib.TopologicalSorter({name: _stands_on(name) for name in NAMES})
    sorter.prepare()
    building: dict[concurrent.futures.Future[None], str] = {}
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        while sorter.is_active():
            building |= {pool.submit(_provide, engine, name, anew, say): name for name in sorter.get_ready()}
            done, _ = concurrent.futures.wait(building, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                future.result()
                sorter.done(building.pop(future))


def digest(name: str) -> str:
    """Of the recipe of an image: of its files, and of the images that it stands on."""
    if name == debian.NAME:
        return debian.digest()
    dockerfile = _dockerfile(name).read_text()
    told = [dockerfile.encode(), *((homes.ROOT / file).read_bytes() for file in _COPY.findall(dockerfile))]
    told += [digest(base).encode() for base in _stands_on(name)]
    return hashlib.sha256(b"\0".join(told)).hexdigest()


def _provide(engine: Engine, name: str, anew: bool, say: Callable[[str], None]) -> None:
    wanted, present = digest(name), _recipe(engine, name)
    if present == "" or (present == wanted and not anew):
        return
    began = time.monotonic()
    if name == debian.NAME:
        debian.make(engine, label=f"{_LABEL}={wanted}")
    else:
        options = ["--pull=false", "--no-cache" if anew else "--force-rm", f"--label={_LABEL}={wanted}"]
        engine.docker("build", *options, f"--file={_dockerfile(name)}", f"--tag={name}", str(homes.ROOT))
    say(f"{name} built in {time.monotonic() - began:.0f} s")


def _recipe(engine: Engine, name: str) -> str | None:
    """The digest of the recipe that the image was built by; empty when it was pulled; None when there is none."""
    if not engine.docker("images", "--quiet", name):
        return None
    return engine.docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{_LABEL}"}}}}', name)


def _stands_on(name: str) -> list[str]:
    return [] if name == debian.NAME else list(dict.fromkeys(_FROM.findall(_dockerfile(name).read_text())))


def _dockerfile(name: str) -> Path:
    return _PLACE / _RECIPES[name]
