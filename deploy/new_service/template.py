"""The files of a new service: those below `template/`, where it is called encore and is about encores."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.local import homes
from deploy.local.refusals import Refusal
from deploy.new_service import names

PLACE = Path(__file__).parent / "template"
# Both are what `manage_all.py lock` makes of a service that asks for nothing of its own.
_LOCK = homes.ROOT / "requirements" / "orders.txt"


def files(name: names.Name) -> dict[str, str]:
    """The content of each new file, by its path in the repository."""
    paths = [path for path in sorted(PLACE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    made = {renamed(str(path.relative_to(PLACE)), name): renamed(path.read_text(), name) for path in paths}
    made[f"requirements/{name.service}.txt"] = _LOCK.read_text().replace("orders.", f"{name.service}.")
    return _in_order(made)


def renamed(text: str, name: names.Name) -> str:
    """`text` about encore as if it were about the new service."""

    def instead(found: re.Match[str]) -> str:
        word = name.noun if found[0].endswith("s") else name.service
        return word.capitalize() if found[0][0].isupper() else word

    return re.sub("[Ee]ncores?", instead, text)


def _in_order(made: dict[str, str]) -> dict[str, str]:
    """Imports sorted and lines folded anew: where they stand and how long they are depends on the name."""
    with tempfile.TemporaryDirectory(prefix="new-service-") as place:
        root = Path(place)
        (root / "shared").symlink_to(homes.ROOT / "shared")  # by which ruff knows that its modules are ours
        (root / "pyproject.toml").write_text((homes.ROOT / "pyproject.toml").read_text())
        for path, text in made.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        for line in (["check", "--select", "I", "--fix"], ["format"]):
            _ruff(root, *line)
        return {path: (root / path).read_text() for path in made}


def _ruff(root: Path, *arguments: str) -> None:
    line = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--no-cache", "."]
    done = subprocess.run(line, cwd=root, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refusal("The new service's files could not be put in order.", why=(done.stdout + done.stderr).strip())
