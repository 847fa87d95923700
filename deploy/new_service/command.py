"""`new-service NAME`: writes a service of the standard shape, whole or not at all."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from deploy.local import files, homes
from deploy.local.refusals import Refusal
from deploy.new_service import lists, names, template

out = Console(highlight=False)
_EVENTS = "docs/api/events.json"
# Enough for a command that asks no database, no broker and no other service.
_NOWHERE = {
    "SECRET_KEY": "not used",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing",
    "BROKER_URL": "memory://",
    "PUBLIC_ORIGIN": "http://127.0.0.1:9",
    "JWKS_URL": "http://127.0.0.1:9/",
}


def main(*, service: str, noun: str | None) -> int:
    """Write the service and add it to every list. Raises Refusal; then nothing was changed."""
    name = names.choose(service, noun)
    new, changed = template.files(name), lists.edited(name)
    _demand_room(new)
    with contextlib.ExitStack() as undo:
        write(homes.ROOT, undo, new=new, changed=changed)
        _document_events(homes.ROOT, undo, name)
        undo.pop_all()
    _tell(name, new, [*changed, _EVENTS])
    return 0


def _demand_room(new: Mapping[str, str]) -> None:
    if there := [path for path in new if (homes.ROOT / path).exists()]:
        raise Refusal(f"{there[0]} is there already.", why="nothing is written over.", do="move it away, or delete it.")


def write(root: Path, undo: contextlib.ExitStack, *, new: Mapping[str, str], changed: Mapping[str, str]) -> None:
    """Make the new files and change the others; `undo` is told how to take each of them back. Raises Refusal."""
    try:
        for path, text in new.items():
            _make(root / path, text, undo)
        for path, text in changed.items():
            _change(root / path, text, undo)
    except OSError as error:
        raise Refusal("The service could not be written; nothing was changed.", why=str(error)) from error


def _document_events(root: Path, undo: contextlib.ExitStack, name: names.Name) -> None:
    """Have the new service write itself who hears whom: no other process knows what it hears."""
    path = root / _EVENTS
    undo.callback(files.write, path, path.read_text(), mode=path.stat().st_mode & 0o777)
    line = [sys.executable, f"{name.service}_service/manage.py", "asyncapi"]
    done = subprocess.run(line, cwd=root, env={**os.environ, **_NOWHERE}, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refusal(f"{_EVENTS} could not be written; nothing was changed.", why=done.stderr.strip())


def _make(path: Path, text: str, undo: contextlib.ExitStack) -> None:
    for folder in reversed([one for one in path.parents if not one.exists()]):
        folder.mkdir()
        undo.callback(folder.rmdir)
    undo.callback(path.unlink, missing_ok=True)
    path.write_text(text)
    if text.startswith("#!"):
        path.chmod(0o755)


def _change(path: Path, text: str, undo: contextlib.ExitStack) -> None:
    before, mode = path.read_text(), path.stat().st_mode & 0o777
    undo.callback(files.write, path, before, mode=mode)
    files.write(path, text, mode=mode)


def _tell(name: names.Name, new: Mapping[str, str], changed: Sequence[str]) -> None:
    out.print(f"[green]✓[/] {name.service}_service: {len(new)} files; and a place in:")
    for path in changed:
        out.print(f"    {path}")
    out.print(f"\n  test it                      ./manage_all.py test static architecture {name.service}")
    out.print(f"  into the market that is up   ./manage_all.py join {name.service}")
