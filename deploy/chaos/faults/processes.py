"""Processes that die, and processes that stand still."""

import contextlib

import psutil

from deploy.chaos.faults import base


class Kill(base.Fault):
    """`kill -9` of a process; the supervisor starts it again."""

    def strike(self) -> str:
        try:
            return f"pid {self.market.kill(self.target)}"
        except (ProcessLookupError, TimeoutError) as error:
            raise base.Missed(str(error)) from error

    def heal(self) -> None:
        self.market.wait_ready(self.target)


class Freeze(base.Fault):
    """SIGSTOP of a process and its children: it holds its locks and connections, and answers nothing."""

    def strike(self) -> str:
        self._held: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in self.market.family(self.target):
                process.suspend()
                self._held.append(process)
        if not self._held:
            raise base.Missed("it was gone")
        return f"{len(self._held)} processes"

    def heal(self) -> None:
        for process in self._held:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self.market.wait_ready(self.target)
