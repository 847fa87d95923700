"""The OpenAPI document of a service: where it is served, and what every operation of ours has in common."""

from typing import Any

from django.urls import URLPattern
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularJSONAPIView

from shared.http import paths

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["message", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}


class IdentityScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The access token of auth, in its cookie or as a bearer."""

    target_class = "shared.identity.authentication.IdentityAuthentication"
    name = ("cookie", "bearer")

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "apiKey", "in": "cookie", "name": "access_token"},
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        ]


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A drf-spectacular hook: every operation may answer with a problem document."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    problem = {
        "description": "Refused, and why",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = problem
    return result


def schema_paths(route: str) -> list[URLPattern]:
    """URL patterns that serve this service's OpenAPI document at `route`."""
    return paths.path_either(route, SpectacularJSONAPIView.as_view(), name="schema")
