"""`compose roll`: every container of a service replaced by a new one, one after the other, while people trade.

The new one is made of the image and the files of today, so this is also how a new version is deployed.
"""

import time
from collections.abc import Sequence

from rich.console import Console

from deploy.compose.stack import Stack
from deploy.local import services
from deploy.local.refusals import Refusal

out = Console(highlight=False)
_READY_WITHIN_SECONDS = 120
_ENDED_WITHIN_SECONDS = 15


def main(stack: Stack, *, names: Sequence[str]) -> int:
    """Replace the containers of the services `names` (all when there is none). Raises Refusal where one cannot be."""
    for service in _chosen(names):
        # The old code goes on beside the new schema: migrations only ever add what it can live with.
        stack.compose("run", "--rm", "--no-deps", "-T", f"{service}-migrate")
        for kind in services.processes(service):
            replace(stack, f"{service}-{kind}")
    return 0


def replace(stack: Stack, process: str) -> None:
    """Replace the containers of `process` (`orders-web`), those that do not run too; never fewer are ready meanwhile.

    Raises Refusal where a new one does not become ready; it is removed, and the old ones go on.
    """
    old = stack.containers(process, "running")
    if not old:
        raise Refusal(f"{process} is not up.", do="manage_all.py compose up --wait")
    dead = set(stack.containers(process)) - set(old)
    for container in dead:
        # Compose would count it, and start none beside the old ones.
        stack.docker("rm", "--force", container)
    for container in old:
        began = time.monotonic()
        _add(stack, process, so_many=len(old) + 1)
        # It takes nothing new, finishes what it has begun, and ends.
        stack.docker("stop", "--time", str(_ENDED_WITHIN_SECONDS), container)
        stack.docker("rm", container)
        out.print(f"{process}: replaced {container[:12]} in {time.monotonic() - began:.1f} s")
    if dead:
        _add(stack, process, so_many=len(old) + len(dead))


def _add(stack: Stack, process: str, *, so_many: int) -> None:
    before = set(stack.containers(process))
    scale = ("--scale", f"{process}={so_many}")
    stack.compose("up", "--detach", "--no-deps", "--no-build", "--no-recreate", *scale, process)
    new = set(stack.containers(process)) - before
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while not (new and all(_is_ready(stack, container) for container in new)):
        if time.monotonic() > deadline:
            for container in new:
                stack.docker("rm", "--force", container)
            raise Refusal(
                f"A new {process} did not become ready; the old ones go on.",
                why=f"its health check failed for {_READY_WITHIN_SECONDS} s.",
                do=f"see what it says: manage_all.py compose run --rm --no-deps {process}",
            )
        time.sleep(0.5)


def _is_ready(stack: Stack, container: str) -> bool:
    """By asking it: the engine itself asks every few seconds only."""
    try:
        stack.docker("exec", container, "healthcheck")
    except Refusal:
        return False
    return True


def _chosen(names: Sequence[str]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in services.NAMES]:
        raise Refusal(f"There is no service {unknown[0]}.", do=f"there are: {', '.join(services.NAMES)}.")
    return tuple(service for service in services.NAMES if not names or service in names)
