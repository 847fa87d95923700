"""`new-service NAME`: writes a service of the standard shape, whole or not at all."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from deploy.local import files, homes
from deploy.local.refusals import Refusal
from deploy.new_service import lists, names, template

out = Console(highlight=False)


def main(*, service: str, noun: str | None) -> int:
    """Write the service and add it to every list. Raises Refusal; then nothing was written."""
    name = names.choose(service, noun)
    new, changed = template.files(name), lists.edited(name)
    _demand_room(new)
    write(homes.ROOT, new=new, changed=changed)
    _tell(name, new, changed)
    return 0


def _demand_room(new: Mapping[str, str]) -> None:
    if there := [path for path in new if (homes.ROOT / path).exists()]:
        raise Refusal(f"{there[0]} is there already.", why="nothing is written over.", do="move it away, or delete it.")


def write(root: Path, *, new: Mapping[str, str], changed: Mapping[str, str]) -> None:
    """Make the new files and change the others: all of them or, when one cannot be written, none. Raises Refusal."""
    try:
        with contextlib.ExitStack() as undo:
            for path, text in new.items():
                _make(root / path, text, undo)
            for path, text in changed.items():
                _change(root / path, text, undo)
            undo.pop_all()
    except OSError as error:
        raise Refusal("The service could not be written; nothing was changed.", why=str(error)) from error


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


def _tell(name: names.Name, new: Mapping[str, str], changed: Mapping[str, str]) -> None:
    out.print(f"[green]✓[/] {name.service}_service: {len(new)} files; and a place in:")
    for path in changed:
        out.print(f"    {path}")
    out.print(f"\n  test it                      ./manage_all.py test static architecture {name.service}")
    out.print(f"  into the market that is up   ./manage_all.py join {name.service}")
