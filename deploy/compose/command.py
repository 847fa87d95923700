"""`manage_all.py compose …`: what docker-compose cannot do by itself; everything else it is passed."""

import subprocess
from collections.abc import Sequence

from deploy.airgap import engine, images
from deploy.compose import roll, secret_files, stack


def main(arguments: Sequence[str]) -> int:
    """`init`, `airgap`, `roll [SERVICE …]`, or whatever docker-compose knows. The exit code. Raises Refusal."""
    project = stack.here()
    match arguments:
        case ["init"]:
            return _init(project)
        case ["airgap"]:
            images.provide(engine.Engine())
            return 0
        case ["roll", *names]:
            return roll.main(project, names=names)
        case _:
            return subprocess.run(project.line(*arguments), env=project.environment, check=False).returncode


def _init(project: stack.Stack) -> int:
    told = secret_files.make(project)
    print("\n".join(told) if told else "Everything is there already; nothing was changed.")
    return 0
