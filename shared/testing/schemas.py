"""The committed JSON Schemas of the events: made from the structs, and never changed in a way a reader would notice.

`python -m shared.testing.schemas` writes them, and refuses a change that is more than an added optional member.
"""

import inspect
import json
import pathlib
import sys
from typing import Any

import jsoncompat
import msgspec

from shared import contracts
from shared.contracts import envelope, events, registry

FOLDER = pathlib.Path(contracts.__path__[0]) / "schemas"


def path(event: type[events.Event]) -> pathlib.Path:
    """Where the schema of an event's data is committed."""
    return FOLDER / f"{event.TYPE}.{event.SCHEMA}.json"


def generate(event: type[events.Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's data, as its struct has it now."""
    (schema,), components = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
    for component in components.values():
        if "description" in component:  # Python 3.13 takes the indentation out of docstrings, earlier ones leave it in
            component["description"] = inspect.cleandoc(component["description"])
    body = components.pop(schema["$ref"].rpartition("/")[2])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": envelope.schema_urn(event),
        **body,
    }
    return head | ({"$defs": components} if components else {})


def is_compatible(*, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a reader of `old` can read what `new` describes, and the other way round.

    A reader ignores members it does not know, so `old` is open when it reads and closed when it is read: nothing was
    ever written that it does not name.
    """
    old, new = _unnamed(old), _unnamed(new)
    closed = {**old, "additionalProperties": False}
    return bool(
        jsoncompat.check_compat(json.dumps(old), json.dumps(new), "serializer")
        and jsoncompat.check_compat(json.dumps(closed), json.dumps(new), "deserializer")
    )


def _unnamed(schema: dict[str, Any]) -> dict[str, Any]:
    """The checker takes `$id` for a reference it would have to follow."""
    return {name: value for name, value in schema.items() if not name.startswith("$") or name == "$defs"}


def write() -> int:
    """Write every schema; returns how many changes were refused."""
    refused = 0
    for event in registry.TYPES:
        new, file = generate(event), path(event)
        if file.exists() and not is_compatible(old=json.loads(file.read_text()), new=new):
            refused += 1
            print(  # noqa: T201
                f"{event.TYPE} {event.SCHEMA}: this change would break readers. Add only members with a default, "
                f"or give the changed event the SCHEMA number {event.SCHEMA + 1} and publish both for a while."
            )
            continue
        file.write_text(json.dumps(new, indent=2) + "\n")
    return refused


if __name__ == "__main__":
    sys.exit(1 if write() else 0)
