"""Small disks for the databases, so that one can be full: a tmpfs in the place of each data directory."""

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import homes, services
from shared.testing import postgres

if TYPE_CHECKING:
    from deploy.chaos import market

_SIZE = 640 * 2**20
_BALLAST = "ballast"


def can_mount() -> bool:
    """Whether this user may mount a file system here."""
    return os.geteuid() == 0 and _may_mount()


def _may_mount() -> bool:
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return done.returncode == 0


class Disks:
    """The data directories of one market."""

    def __init__(self, home: homes.Home) -> None:
        self._home = home
        self._mounted: list[Path] = []

    def open(self, up: "market.Market") -> None:
        """Move each database of a market that is up to a small disk; nothing where nothing can be mounted."""
        if not can_mount():
            return
        for service in services.NAMES:
            with self._stopped(up, f"{service}.postgres"):
                self._move(self._home.postgres / service)
        up.wait_ready()

    def fill(self, service: str) -> int:
        """Leave no block free. How many bytes that took."""
        ballast = self._home.postgres / service / _BALLAST
        owner = pwd.getpwnam(postgres.account() or pwd.getpwuid(os.geteuid()).pw_name)
        with ballast.open("wb") as file:
            os.fchown(file.fileno(), owner.pw_uid, owner.pw_gid)
            seen = os.statvfs(ballast)
            size, step = 0, seen.f_bavail * seen.f_frsize
            while step >= seen.f_frsize:
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                    continue
                step //= 2
        return size

    def free(self, service: str) -> None:
        """Take the ballast away."""
        (self._home.postgres / service / _BALLAST).unlink(missing_ok=True)

    def close(self, *, keep: bool) -> None:
        """Give the directories back to the big disk: with the data where it is to be looked into, else empty."""
        for place in self._mounted:
            aside = place.with_name(f".{place.name}.kept")
            if keep:
                subprocess.run(["cp", "-a", str(place), str(aside)], check=False)
            subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
            if keep:
                place.rmdir()
                aside.rename(place)

    @contextlib.contextmanager
    def _stopped(self, up: "market.Market", name: str) -> Iterator[None]:
        up.stop(name)
        yield
        up.start(name)

    def _move(self, data: Path) -> None:
        aside = data.with_name(f".{data.name}.big")
        data.rename(aside)
        data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "tmpfs", str(data)], check=True)
        self._mounted.append(data)
        self._home.give(data)
        subprocess.run(["cp", "-a", f"{aside}/.", str(data)], check=True)
        shutil.rmtree(aside)
