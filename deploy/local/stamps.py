"""Remembers which migrations a database has seen, so that a second `up` need not ask Django: that takes seconds."""

import hashlib
from pathlib import Path

from deploy.local import files, homes


class Stamp:
    """One step's memory: it need not be done again while nothing has changed that it depends on."""

    def __init__(self, home: homes.Home, *, service: str, step: str) -> None:
        self._data = home.postgres / service / "PG_VERSION"
        self._service = service
        self._file = _place(home) / step

    def is_valid(self) -> bool:
        """Whether the step was done on this very database with this very code."""
        return self._file.exists() and self._file.read_text() == self._now()

    def set(self) -> None:
        """Remember that it is done."""
        files.directory(self._file.parent)
        files.write(self._file, self._now())

    def _now(self) -> str:
        digest = hashlib.sha256()
        for path in _sources(self._service):
            digest.update(f"{path.relative_to(homes.ROOT)}\0".encode() + path.read_bytes())
        # A data directory that was made anew has another inode.
        return f"{digest.hexdigest()} {self._data.stat().st_ino}"


def forget(home: homes.Home) -> None:
    """Have everything done again at the next `up`: somebody has migrated by hand."""
    for path in _place(home).glob("*"):
        path.unlink()


def _place(home: homes.Home) -> Path:
    return home.path / "done"


def _sources(service: str) -> list[Path]:
    """What decides which tables there are: migrations of it and of shared, settings, installed libraries."""
    folders = (homes.ROOT / f"{service}_service", homes.ROOT / "shared")
    found = [path for folder in folders for path in sorted(folder.glob("*/migrations/*.py"))]
    settings = [folders[0] / "config" / "settings.py", folders[1] / "settings" / "base.py"]
    return [*found, *settings, homes.ROOT / "requirements" / "dev.txt"]
