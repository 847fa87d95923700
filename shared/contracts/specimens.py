"""The committed examples of what is said, one file for each type and schema version: written once, never changed.

They stand for the messages that lie in logs and queues. Whoever changes a contract has to be able to read them still.
"""

import dataclasses
import json
import pathlib
from typing import Any

from shared import contracts
from shared.contracts import events

FOLDER = pathlib.Path(contracts.__path__[0]) / "examples"


@dataclasses.dataclass(frozen=True)
class Specimen:
    """The `data` of one message of a type and schema version, which this release may not know any more."""

    type: str
    schema: int
    data: dict[str, Any]


def path(type_: str, schema: int) -> pathlib.Path:
    """Where the examples of a type and schema version are committed, as a JSON array."""
    return FOLDER / f"{type_}.{schema}.json"


def of(event: type[events.Event]) -> list[Specimen]:
    """The examples of an event. Raises FileNotFoundError where none is committed."""
    return _read(path(event.TYPE, event.SCHEMA))


def every() -> list[Specimen]:
    """All that are committed, those of versions that are no more included."""
    return [specimen for file in sorted(FOLDER.glob("*.json")) for specimen in _read(file)]


def _read(file: pathlib.Path) -> list[Specimen]:
    type_, _, schema = file.stem.rpartition(".")
    return [Specimen(type_, int(schema), data) for data in json.loads(file.read_text())]
