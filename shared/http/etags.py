"""Conditional requests (RFC 9110 §13): an aggregate's version is its entity tag."""

import re
from collections.abc import Callable

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from shared import errors

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


class PreconditionFailed(errors.DomainError):
    status = 412
    code = "precondition_failed"
    detail = "It has changed since you read it. Read it again, then decide."


class BadCondition(errors.Invalid):
    code = "invalid_condition"
    detail = 'If-Match is "*" or a list of entity tags, such as "3".'


def etag(version: int) -> str:
    """The entity tag of a version: 3 is `"3"`."""
    return f'"{version}"'


def precondition(request: Request) -> Callable[[int], None]:
    """What a command asks of the version it has locked. Raises `BadCondition` here, `PreconditionFailed` there."""
    header = request.headers.get("If-Match")
    tags = None if header is None or header.strip() == "*" else _tags(header)

    def demand(version: int) -> None:
        # The strong comparison: a weak tag never matches.
        if tags is not None and etag(version) not in tags:
            raise PreconditionFailed

    return demand


def answer(request: Request, data: object, *, version: int, status: int = 200) -> Response:
    """A resource with its entity tag; 304 where the client has it and can have read this answer itself.

    A server that forwards a browser's headers could not read a 304, so one that carries a cookie never gets it.
    """
    headers = {"ETag": etag(version)}
    if request.method in ("GET", "HEAD") and not _carries(request, "HTTP_COOKIE"):
        if not _carries(request, "HTTP_AUTHORIZATION"):
            # Nobody's in particular: may be kept, and is asked for again each time.
            headers |= {"Cache-Control": "no-cache", "Vary": "Cookie, Authorization"}
        if _has(request, version):
            return Response(status=304, headers=headers)
    return Response(data, status=status, headers=headers)


def _carries(request: Request, name: str) -> bool:
    plain: HttpRequest = request._request
    return bool(plain.META.get(name))


def _has(request: Request, version: int) -> bool:
    header = request.headers.get("If-None-Match", "")
    return header.strip() == "*" or etag(version) in [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _tags(header: str) -> list[str]:
    tags = [tag.strip() for tag in header.split(",")]
    if not all(_TAG.fullmatch(tag) for tag in tags):
        raise BadCondition(field="If-Match")
    return tags
