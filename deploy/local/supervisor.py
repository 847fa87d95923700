"""Runs the steps of a market in their order, keeps its processes alive, and ends them in the opposite order."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.local import control, files, homes, keeper, logfiles, spec
from deploy.local.refusals import Refusal


class Supervisor:
    """One run of one market, from its first process to its last."""

    def __init__(self, home: homes.Home, *, about: Mapping[str, Any]) -> None:
        """`about` is what `status` tells besides the processes: the gateway's url, the broker in use, …"""
        self._home, self._about = home, dict(about)
        self._steps: list[spec.Step] = []
        self._keepers: dict[str, keeper.Keeper] = {}
        self._done: dict[str, asyncio.Event] = {}
        self._stop = asyncio.Event()
        self._deaths = keeper.Bell()
        self._phase, self._message, self._doing = "starting", "", set[str]()
        self._began = time.time()

    async def run(self, steps: Sequence[spec.Step]) -> int:
        """Start everything, stay until told to stop, end everything. The exit code of the supervisor."""
        self._prepare(steps)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.end)
        loop.add_signal_handler(signal.SIGCHLD, self._deaths.ring)
        async with control.serve(self._home, self._obey):
            code = await self._start(steps)
            if code == 0 and not self._stop.is_set():
                self._turn("ready")
                await self._stay()
            await self._end(failed=code != 0)
        return code

    def end(self) -> None:
        """Have `run` end everything and return."""
        self._stop.set()

    def _prepare(self, steps: Sequence[spec.Step]) -> None:
        for step in steps:
            self._add(step)
        self._write()

    def _add(self, step: spec.Step) -> None:
        self._steps.append(step)
        self._done[step.name] = asyncio.Event()
        if isinstance(step, spec.Process):
            log = logfiles.path(self._home.logs, step.name)
            self._keepers[step.name] = keeper.Keeper(step, log=log, deaths=self._deaths, changed=self._write)

    async def _start(self, steps: Sequence[spec.Step]) -> int:
        everything = asyncio.create_task(self._start_all(steps))
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([everything, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        everything.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await everything
        except BaseExceptionGroup as problems:
            self._message = "\n".join(map(_told, problems.exceptions))
            return 1
        return 0

    async def _start_all(self, steps: Sequence[spec.Step]) -> None:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(self._start_step(step))

    async def _start_step(self, step: spec.Step) -> None:
        for name in step.after:
            await self._done[name].wait()
        self._doing.add(step.name)
        self._write()
        match step:
            case spec.Process():
                await self._keepers[step.name].start()
            case spec.Command():
                if not step.is_done():
                    log = logfiles.path(self._home.logs, step.name)
                    await keeper.run_to_end(step, log=log, deaths=self._deaths)
                    step.remember()
            case spec.Job():
                await self._do(step)
        self._doing.discard(step.name)
        self._done[step.name].set()
        self._write()

    async def _do(self, job: spec.Job) -> None:
        try:
            await asyncio.to_thread(job.action)
        except Refusal as refusal:
            raise keeper.NotStarted(str(refusal)) from refusal
        except Exception as error:
            raise keeper.NotStarted(f"{job.name} failed: {type(error).__name__}: {error}") from error

    async def _stay(self) -> None:
        while not self._stop.is_set():
            await asyncio.to_thread(logfiles.rotate, self._home.logs)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 5.0)

    async def _end(self, *, failed: bool) -> None:
        self._turn("failing" if failed else "ending")
        steps = tuple(self._steps)
        ended = {step.name: asyncio.Event() for step in steps}
        users = {step.name: [other.name for other in steps if step.name in other.after] for step in steps}

        async def end(step: spec.Step) -> None:
            for name in users[step.name]:
                await ended[name].wait()
            if isinstance(step, spec.Process):
                await self._keepers[step.name].stop()
            ended[step.name].set()

        await asyncio.gather(*(end(step) for step in steps))
        self._turn("failed" if failed else "stopped")

    async def _obey(self, order: Mapping[str, Any]) -> dict[str, Any]:
        if order["do"] == "down":
            self.end()
            return {}
        if order["do"] == "keep":
            return await self._keep(control.read_process(order))
        kept = self._keepers.get(order.get("name", ""))
        if kept is None:
            return {"error": f"there is no process {order.get('name')!r}; there are {', '.join(self._keepers)}"}
        try:
            if order["do"] in ("stop", "restart"):
                await kept.stop()
            if order["do"] in ("start", "restart"):
                await kept.start()
        except keeper.NotStarted as problem:
            return {"error": str(problem)}
        return {}

    async def _keep(self, process: spec.Process) -> dict[str, Any]:
        """Take one more process into care; one that is known already is another one from its next start on."""
        if self._stop.is_set():
            return {"error": "the market is ending"}
        if process.name in self._keepers:
            self._keepers[process.name].spec = process
            self._steps = [process if step.name == process.name else step for step in self._steps]
        else:
            self._add(process)
            self._about.setdefault("market", {}).setdefault("ports", {})[process.name] = process.port
        try:
            await self._start_step(dataclasses.replace(process, after=()))
        except keeper.NotStarted as problem:
            return {"error": str(problem)}
        return {}

    def _turn(self, phase: str) -> None:
        self._phase = phase
        self._write()

    def _write(self) -> None:
        state = {
            **self._about,
            "phase": self._phase,
            "message": self._message,
            "doing": sorted(self._doing),
            "done": [name for name, event in self._done.items() if event.is_set()],
            "began": self._began,
            "supervisor": os.getpid(),
            "processes": [kept.row() for kept in self._keepers.values()],
        }
        files.write(self._home.state, json.dumps(state, indent=1))


def _told(problem: BaseException) -> str:
    if isinstance(problem, keeper.NotStarted):
        return str(problem)
    return "".join(traceback.format_exception(problem))


def failed(home: homes.Home, *, run: str, message: str) -> None:
    """Record that this supervisor did not even begin, for the `up` that watches."""
    state = {"run": run, "phase": "failed", "message": message, "supervisor": os.getpid(), "processes": []}
    files.write(home.state, json.dumps(state))


def read(path: Path) -> dict[str, Any]:
    """The state that the last supervisor wrote; {} when there was none or it cannot be read."""
    try:
        state: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return state
