"""The OpenAPI document of a service: as committed in docs/api, and kept by the service whatever is sent to it."""

import json
import pathlib
from typing import Any

import hypothesis
import schemathesis
from django.conf import settings
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS
from schemathesis.specs.openapi import checks

from shared.http import wsgi
from shared.testing import callers

FOLDER = pathlib.Path(__file__).parents[2] / "docs" / "api"

# Few and always the same: a suite has to end, and a defect has to come back.
bounded = hypothesis.settings(
    max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)


def generated(folder: pathlib.Path) -> str:
    """The document as `manage.py spectacular` writes it. Raises what is wrong with it, warnings included."""
    file = folder / "openapi.json"
    GENERATOR_STATS.reset()
    call_command("spectacular", format="openapi-json", file=str(file), validate=True, fail_on_warn=True)
    return file.read_text()


def demand_committed(folder: pathlib.Path) -> None:
    """Raises AssertionError where the committed document is not the one that the code makes."""
    service = settings.SERVICE
    committed = FOLDER / f"{service}.json"
    command = f"python {service}_service/manage.py spectacular --format openapi-json --file docs/api/{service}.json"
    assert committed.exists(), f"docs/api/{service}.json is missing. Write it: {command}"
    assert json.loads(committed.read_text()) == json.loads(generated(folder)), (
        f"docs/api/{service}.json is not what the code says. If the change is meant, write it anew: {command}"
    )


def operations(path: str) -> Any:
    """The schema behind `path` of this process's own application, to be called `@…parametrize()`."""
    schema = schemathesis.openapi.from_wsgi(path, wsgi.application())
    schema.config.phases.coverage.enabled = False
    return schema


def demand_kept(case: Any, headers: dict[str, str]) -> None:
    """Send what schemathesis made up. Raises where the answer is a 5xx or not as documented."""
    answer = case.call(headers=headers)
    assert answer.status_code < 500, answer.content
    case.validate_response(
        answer,
        checks=[
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_headers_conformance,
            checks.response_schema_conformance,
        ],
    )
    if answer.status_code >= 400:
        callers.demand_problem(answer.json(), answer.status_code)
