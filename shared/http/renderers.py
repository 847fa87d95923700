"""JSON as we write it."""

import decimal
from typing import Any

from rest_framework import negotiation, renderers
from rest_framework.utils import encoders


class JSONEncoder(encoders.JSONEncoder):
    def default(self, obj: Any) -> Any:
        # A price has at most seven digits before the point and three after it: the shortest float is that number.
        if isinstance(obj, decimal.Decimal):
            return int(obj) if obj == obj.to_integral_value() and obj.as_tuple().exponent == 0 else float(obj)
        return super().default(obj)


class JSONRenderer(renderers.JSONRenderer):
    encoder_class = JSONEncoder


class AlwaysJSON(negotiation.DefaultContentNegotiation):
    """An API that speaks one format answers in it, whatever `Accept` wishes for (RFC 9110 §12.4.1 allows that)."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
