"""Pages that stay put while the list grows: the next page begins after the last row of this one (a keyset).

The address of the next page is in the `Link` header (RFC 8288). Its cursor is signed and bound to the list, its filters
and its order, so that a forged or a foreign one is refused.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.db.models import F, Field, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from shared import errors

DEFAULT_LIMIT, MOST = 50, 100

# For the OpenAPI document of a view that answers with a page.
PARAMETERS = [
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
        description=f"rows of a page, 1 to {MOST}",
    ),
    OpenApiParameter("cursor", str, description="from the Link header of the page before"),
]


class BadLimit(errors.Invalid):
    detail = f"limit is a whole number from 1 to {MOST}."


class BadCursor(errors.Invalid):
    code = "invalid_cursor"
    detail = "This cursor does not belong to this list. Begin without one."


def page(
    request: Request,
    rows: QuerySet[Any],
    *,
    order: Sequence[str],
    show: Callable[[Any], Any],
    scope: str = "",
) -> Response:
    """One page of `rows` as a bare array, in `order` (field names, "-" for descending; the last one unique).

    `show` turns a row into what is sent. `scope` names whose list it is, where lists differ by who asks. Rows
    without a value come last. Raises `BadLimit`, `BadCursor`.
    """
    limit = _limit(request.query_params.get("limit"))
    salt = _salt(request, order, scope)
    if (cursor := request.query_params.get("cursor")) is not None:
        rows = rows.filter(_after(rows, order, _open(cursor, salt)))
    found = list(rows.order_by(*map(_by, order))[: limit + 1])
    response = Response([show(row) for row in found[:limit]])
    if len(found) > limit:
        values = [_text(getattr(found[limit - 1], name.lstrip("-"))) for name in order]
        response["Link"] = f'<{_address(request, signing.dumps(values, salt=salt))}>; rel="next"'
    return response


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST):
        raise BadLimit(field="limit")
    return int(text)


def _salt(request: Request, order: Sequence[str], scope: str) -> str:
    filters = sorted((n, v) for n, vs in request.query_params.lists() for v in vs if n not in ("cursor", "limit"))
    seen = repr((request.path.rstrip("/"), filters, list(order), scope))
    return hashlib.sha256(seen.encode()).hexdigest()


def _open(cursor: str, salt: str) -> list[str | None]:
    try:
        values: list[str | None] = signing.loads(cursor, salt=salt)
    except (signing.BadSignature, ValueError) as error:
        raise BadCursor(field="cursor") from error
    return values


def _after(rows: QuerySet[Any], order: Sequence[str], values: Sequence[str | None]) -> Q:
    """The rows that come after these values: greater in the first field, or equal there and greater in the next…"""
    after, equal, bound = Q(pk__in=[]), Q(), Q()
    for ordering, text in zip(order, values, strict=True):
        name = ordering.lstrip("-")
        field = _field(rows, name)
        if text is None:
            equal &= Q(**{f"{name}__isnull": True})
            continue
        value = field.to_python(text)
        nulls = Q(**{f"{name}__isnull": True}) if field.null else Q()
        direction = "lt" if ordering.startswith("-") else "gt"
        after |= equal & (Q(**{f"{name}__{direction}": value}) | nulls)
        if not equal and not field.null:
            # Follows from the rest; it is what an index can begin with.
            bound = Q(**{f"{name}__{direction}e": value})
        equal &= Q(**{name: value})
    return bound & after


def _field(rows: QuerySet[Any], name: str) -> "Field[Any, Any]":
    annotation = rows.query.annotations.get(name)
    field: Field[Any, Any] = rows.model._meta.get_field(name) if annotation is None else annotation.output_field
    return field


def _by(ordering: str) -> Any:
    name = ordering.lstrip("-")
    return F(name).desc(nulls_last=True) if ordering.startswith("-") else F(name).asc(nulls_last=True)


def _text(value: Any) -> str | None:
    return None if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


def _address(request: Request, cursor: str) -> str:
    kept = [(n, v) for n, vs in request.query_params.lists() for v in vs if n != "cursor"]
    return f"{settings.PUBLIC_ORIGIN}{request.path}?{urlencode([*kept, ('cursor', cursor)])}"
