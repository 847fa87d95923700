"""Processes that die, and processes that stand still."""

import contextlib

import psutil

from deploy.chaos import market
from deploy.chaos.faults import base

_PASSES_WITHIN = 30.0


class Kill(base.Fault):
    """`kill -9` of a process; the supervisor starts it again."""

    may_be_hit_again = True

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


class CrashPoint(base.Fault):
    """A process dies at the very point where it has done one half of two things, such as told and not noted."""

    def strike(self) -> str:
        self._file = self.market.crash_points / self.target
        self._file.touch()
        try:
            market.until(lambda: not self._file.exists(), seconds=_PASSES_WITHIN, what=f"somebody at {self.target}")
        except TimeoutError as error:
            raise base.Missed(str(error)) from error
        return "somebody died there"

    def heal(self) -> None:
        self._file.unlink(missing_ok=True)
        self.market.wait_ready()
