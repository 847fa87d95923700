"""What the services of a running market call alarming, though no restart would mend it."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any


def raised(processes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The alarms of every messaging process that is ready, each with the name of its service in front."""
    asked = [row for row in processes if row["state"] == "ready" and row["name"].endswith(".messaging")]
    return [f"{row['name'].removesuffix('.messaging')}: {alarm}" for row in asked for alarm in _alarms(row["url"])]


def _alarms(url: str) -> list[str]:
    """None from a process that does not answer: its own row says how it is."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:  # noqa: S310 - an address of our own
            told: list[str] = json.load(response).get("alarms", [])
    except (OSError, ValueError):
        return []
    return told
