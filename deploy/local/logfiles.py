"""The logs of the market's processes: one file each, copied away and emptied when it has grown too large."""

import shutil
from pathlib import Path

_LARGEST = 10_000_000
_KEPT = 3


def path(directory: Path, name: str) -> Path:
    """The log of the process `name`."""
    return directory / f"{name}.log"


def rotate(directory: Path, *, largest: int = _LARGEST) -> None:
    """Turn every log above `largest` bytes into NAME.log.1, the older ones one number up.

    The writer keeps its open file (in append mode), so the content is copied and the file emptied in place.
    """
    for log in directory.glob("*.log"):
        if log.stat().st_size > largest:
            for number in range(_KEPT - 1, 0, -1):
                older = log.with_name(f"{log.name}.{number}")
                if older.exists():
                    older.replace(log.with_name(f"{log.name}.{number + 1}"))
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            with log.open("r+b") as file:
                file.truncate(0)
