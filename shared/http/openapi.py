"""What drf-spectacular cannot see for itself: who may call, how requests fail, how lists go on."""

from collections.abc import Mapping
from typing import Any

from django.urls import URLPattern
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.views import SpectacularJSONAPIView

from shared.http import paths, problems

Schema = dict[str, Any]

PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457, and `errors` with one entry for each rule that failed.",
    "required": ["type", "title", "status", "detail", "instance", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["message", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "code": {"type": "string"},
                    "field": {"type": "string"},
                },
            },
        },
    },
}


class IdentityScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """An access token, in a cookie or as a bearer."""

    target_class = "shared.identity.authentication.IdentityAuthentication"
    name = ["accessCookie", "bearer"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[Schema]:
        return [
            {"type": "apiKey", "in": "cookie", "name": "access_token"},
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[Schema]:
        """Either of them; together in one object they would both be needed."""
        return [{name: []} for name in self.name]


def schema_paths(route: str) -> list[URLPattern]:
    """The OpenAPI document of the service at `route` ("api/tickets/schema"), for anyone."""
    return paths.path_either(route, SpectacularJSONAPIView.as_view(), name="schema")


def add_problems(result: Schema, **_: Any) -> Schema:
    """Postprocessing hook: whatever is not listed as an answer is a problem document."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "Refused; the status says how, `errors` why.",
        "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operation in _operations(result):
        operation["responses"].setdefault("default", answer)
    return result


def without_slashes(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    """Preprocessing hook: of the two spellings of each path only the one without the slash is documented."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def _operations(result: Mapping[str, Any]) -> list[Schema]:
    return [operation for path in result["paths"].values() for operation in path.values() if "responses" in operation]
