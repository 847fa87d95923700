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
    """Replace the containers of `process` (`orders-web`), never fewer than there are being ready.

    Raises Refusal where a new one does not become ready; it is removed, and the old ones go on.
    """
    old = stack.containers(process)
    if not old:
        raise Refusal(f"{process} is not up.", do="manage_all.py compose up --wait")
    for container in old:
        began = time.monotonic()
        _add(stack, process, so_many=len(old) + 1)
        # It takes nothing new, finishes what it has begun, and ends.
        stack.docker("stop", "--time", str(_ENDED_WITHIN_SECONDS), container)
        stack.docker("rm", container)
        out.print(f"{process}: replaced {container[:12]} in {time.monotonic() - began:.1f} s")


def _add(stack: Stack, process: str, *, so_many: int) -> None:
    before = set(stack.containers(process))
    wait = ("--wait", "--wait-timeout", str(_READY_WITHIN_SECONDS))
    scale = ("--scale", f"{process}={so_many}")
    try:
        stack.compose("up", "--detach", "--no-deps", "--no-build", "--no-recreate", *wait, *scale, process)
    except Refusal as refusal:
        for container in set(stack.containers(process)) - before:
            stack.docker("rm", "--force", container)
        raise Refusal(
            f"A new {process} did not become ready; the old ones go on.", why=refusal.why, do="look at what it logged."
        ) from refusal


def _chosen(names: Sequence[str]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in services.NAMES]:
        raise Refusal(f"There is no service {unknown[0]}.", do=f"there are: {', '.join(services.NAMES)}.")
    return tuple(service for service in services.NAMES if not names or service in names)
