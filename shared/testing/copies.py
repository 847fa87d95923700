"""A throw-away copy of this repository, for tests that write into one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local import homes

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local", "__pycache__", ".*_cache", ".hypothesis", "*.pyc")


def copy(place: Path) -> Path:
    """Copy everything that is written by hand into `place`, and have this environment serve it."""
    shutil.copytree(homes.ROOT, place, ignore=_LEFT_OUT)
    (place / ".venv").symlink_to(sys.prefix)
    return place


def manage(tree: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage_all.py` of that tree to its end, whatever becomes of it; what it says is in `stdout`."""
    command = begin(tree, *arguments, **environment)
    said, _ = command.communicate()
    return subprocess.CompletedProcess(command.args, command.returncode, said)


def begin(tree: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start `manage_all.py` of that tree."""
    return subprocess.Popen(
        [sys.executable, "manage_all.py", *arguments],
        cwd=tree,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
