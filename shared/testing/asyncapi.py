"""The AsyncAPI document of the events, as committed in docs/api."""

import json
import pathlib

from django.conf import settings

from shared.messaging import asyncapi

FILE = pathlib.Path(__file__).parents[2] / "docs" / "api" / "events.json"


def demand_committed() -> None:
    """Raises AssertionError where the committed document is not what the contracts and this service's handlers say."""
    assert FILE.exists(), "docs/api/events.json is missing. Write it: ./manage_all.py asyncapi"
    committed = json.loads(FILE.read_text())
    assert committed == asyncapi.updated(committed, service=settings.SERVICE), (
        "docs/api/events.json is not what the code says. If the change is meant: ./manage_all.py asyncapi"
    )
