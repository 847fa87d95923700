"""Compiles requirements/*.in anew into the locks, as the second line of each lock says it was made."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local import homes, lifecycle
from deploy.local.refusals import Refusal

_PLACE = homes.ROOT / "requirements"


def main(*, arguments: Sequence[str]) -> int:
    """Make every lock anew, the development one first: it constrains the others. `arguments` go to uv (`--upgrade`)."""
    for lock in sorted(_PLACE.glob("*.txt"), key=lambda path: (path.name != "dev.txt", path.name)):
        lifecycle.out.print(f"{lock.name} …")
        line = [sys.executable, "-m", *_recipe(lock), *arguments, "--quiet"]
        environment = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": shlex.join(_recipe(lock))}
        if subprocess.run(line, cwd=_PLACE, env=environment, check=False).returncode != 0:
            raise Refusal(f"{lock.name} could not be made.", why="uv says above why.")
    return 0


def _recipe(lock: Path) -> list[str]:
    second = lock.read_text().splitlines()[1]
    words = shlex.split(second.removeprefix("#"))
    if words[:3] != ["uv", "pip", "compile"]:
        raise Refusal(f"{lock.name} does not say how it was made.", why="its second line is not a call of uv.")
    return words
