"""Files of the local market: private, and written so that a crash leaves the old one or the new one, never half."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace the content of `path` at once."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, mode)
        file.write(text)
    Path(name).replace(path)


def directory(path: Path) -> Path:
    """`path`, made if need be, for its owner alone."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
