"""The clocks of the databases: each runs wrong by as much as a file says, through Debian's libfaketime.

A service asks its database what time it is, so this is the service's clock. Its Python processes keep the true one:
under libfaketime 0.9.10 `time.sleep` of Python 3.11 fails with EINVAL unless the monotonic clock is faked as well, and
a clock that jumps is no longer monotonic.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import psutil

from deploy.local import files

_LIBRARY = "libfaketimeMT.so.1"
_SHARED = Path("/dev/shm")  # noqa: S108 - where libfaketime puts it


def library() -> Path | None:
    """libfaketime, where its package puts it."""
    return next(Path("/usr/lib").glob(f"*/faketime/{_LIBRARY}"), None)


class Clocks:
    """One file for each service."""

    def __init__(self, place: Path) -> None:
        files.directory(place).chmod(0o711)  # read by the databases' user
        self._place = place

    def environment(self, service: str) -> Mapping[str, str]:
        """What a PostgreSQL is told so that its clock follows the file; nothing where libfaketime is missing."""
        found = library()
        if found is None:
            return {}
        self.turn(service, 0)
        return {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._place / service),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
        }

    def turn(self, service: str, seconds: int) -> None:
        """Have the clock run `seconds` ahead, or behind where they are negative."""
        files.write(self._place / service, f"{seconds:+d}\n", mode=0o644)

    def close(self) -> None:
        """Remove what libfaketime left of processes that were killed."""
        for kind in ("faketime_shm_", "sem.faketime_sem_"):
            for path in _SHARED.glob(f"{kind}*"):
                if not psutil.pid_exists(int(path.name.removeprefix(kind))):
                    with contextlib.suppress(OSError):
                        path.unlink()
