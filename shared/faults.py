"""Places where a process may be made to die, for tests of what survives it. Off unless the environment asks for it.

FAULTS names a directory. A file in it arms the point of that name: the next process to pass there removes the file and
kills itself as `kill -9` would.
"""

import os
import signal
from pathlib import Path


def point(name: str) -> None:
    """Die here if somebody has armed the point."""
    directory = os.environ.get("FAULTS")
    if directory and _disarmed(Path(directory) / name):
        os.kill(os.getpid(), signal.SIGKILL)


def _disarmed(file: Path) -> bool:
    """Whether it was armed, which it is no longer: of several processes at the point one dies."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True
