"""What a check looks at, and what it finds."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import psycopg

Databases = Mapping[str, psycopg.Connection[dict[str, Any]]]
Rows = dict[Any, dict[str, Any]]


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One thing that does not add up: which check, about what, and what was seen."""

    check: str
    subject: str
    seen: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: {self.seen}"
