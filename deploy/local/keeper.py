"""Keeps one process running: starts it, waits until it is ready, starts it again when it dies."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local import child, spec
from deploy.local.refusals import Refusal

ATTEMPTS = 4  # to become ready for the first time, before `up` gives up
_START_WITHIN = 120.0
_STEADY = 10.0


class NotStarted(Exception):
    """A step of the start failed; the message is for a human."""


class Bell:
    """Wakes everybody who waits, each time it is rung."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)


class Backoff:
    """How long to wait before the next start: 0.1 s, doubled with each death, at most 10 s, anew after a steady run."""

    def __init__(self) -> None:
        self._deaths = 0

    def after(self, lasted: float) -> float:
        """Seconds to wait after a run of `lasted` seconds."""
        self._deaths = 1 if lasted >= _STEADY else self._deaths + 1
        return float(min(0.1 * 2 ** (self._deaths - 1), 10.0))


class Keeper:
    """One process of the market."""

    def __init__(self, process: spec.Process, *, log: Path, deaths: Bell, changed: Callable[[], None]) -> None:
        self.spec, self._log, self._deaths, self._changed = process, log, deaths, changed
        self.state, self.restarts, self.pid, self.started = "waiting", 0, 0, 0.0
        self._child: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._task: asyncio.Task[None] | None = None
        self._settled = Bell()
        self._refusal = ""

    def row(self) -> dict[str, Any]:
        """What `status` shows of it."""
        return {
            "name": self.spec.name,
            "pid": self.pid or None,
            "started": self.started,
            "state": self.state,
            "restarts": self.restarts,
            "port": self.spec.port,
            "url": self.spec.url,
            "home": str(self.spec.home or ""),
        }

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises NotStarted when it keeps dying or takes too long."""
        if not self._wanted:
            self._wanted = True
            self._task = asyncio.create_task(self._keep(), name=self.spec.name)
        before, deadline = self.restarts, time.monotonic() + _START_WITHIN
        while self.state != "ready":
            if self._task is not None and self._task.done():
                self._task.result()
                raise NotStarted(f"{self.spec.name} was stopped while it started.")
            if self._refusal:
                raise NotStarted(self._refusal)
            if self.restarts - before >= ATTEMPTS:
                raise NotStarted(f"{self.spec.name} ended {ATTEMPTS} times while starting.\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotStarted(f"{self.spec.name} was not ready within {_START_WITHIN:.0f} s.\n{self.tail()}")
            await self._settled.wait(1.0)

    async def stop(self) -> None:
        """End it, gently first, and keep it ended."""
        self._wanted = False
        self._settled.ring()
        if self._child is not None and self._child.poll() is None:
            self._turn("ending")
            self._signal(self.spec.end_with)
            if not await self._ends_within(self._child, self.spec.end_within):
                self._signal(signal.SIGKILL)
        if self._task is not None:
            await self._task
        self._turn("stopped")

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return tail(self._log, lines)

    async def _keep(self) -> None:
        backoff = Backoff()
        while self._wanted:
            begun = time.monotonic()
            await self._run_once()
            if self._wanted:
                self.restarts += 1
                self._turn("restarting")
                await self._settled.wait(backoff.after(time.monotonic() - begun))

    async def _run_once(self) -> None:
        await asyncio.to_thread(self._clear)
        if not self._wanted:
            return
        self._child = self._spawn()
        self.pid, self.started = self._child.pid, child.started_at(self._child.pid)
        self._turn("starting")
        watch = asyncio.create_task(self._watch())
        while self._child.poll() is None:
            await self._deaths.wait(1.0)
        watch.cancel()
        await asyncio.to_thread(child.end_leftovers, self.pid, home=self.spec.home)
        self.pid = 0

    def _clear(self) -> None:
        child.end_leftovers(-1, home=self.spec.home)
        self.spec.before()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return child.spawn(
            self.spec.line,
            environment=self.spec.environment,
            cwd=self.spec.cwd,
            log=self._log,
            user=self.spec.user,
            end_with=self.spec.end_with,
        )

    async def _watch(self) -> None:
        try:
            while not await asyncio.to_thread(self.spec.ready):
                await asyncio.sleep(0.1)
        except Refusal as refusal:
            self._refusal = str(refusal)
            self._settled.ring()
            return
        if self.state == "starting":
            self._turn("ready")

    async def _ends_within(self, process: subprocess.Popen[bytes], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            await self._deaths.wait(0.2)
        return process.poll() is not None

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _turn(self, state: str) -> None:
        self.state = state
        self._settled.ring()
        self._changed()


async def run_to_end(command: spec.Command, *, log: Path, deaths: Bell) -> None:
    """Run something that ends by itself. Raises NotStarted unless it ends well."""
    started = child.spawn(command.line, environment=command.environment, cwd=command.cwd, log=log)
    try:
        while started.poll() is None:
            await deaths.wait(1.0)
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()
    if started.returncode != 0:
        raise NotStarted(f"{command.name} ended with exit code {started.returncode}.\n{tail(log, 25)}")


def tail(log: Path, lines: int) -> str:
    """The last `lines` lines of a log, indented."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
