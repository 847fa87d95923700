"""Serializer fields for what strangers write: prices, currencies, moments."""

import datetime as dt
import decimal
import re
import unicodedata
import uuid
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import fields, serializers

from shared import errors, money
from shared.http import parsers, paths

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6}\d*)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


# They are letters and symbols by their category, and empty on every screen.
_HANGUL_FILLERS_AND_BLANK_BRAILLE = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ" and character not in _HANGUL_FILLERS_AND_BLANK_BRAILLE


def refused(error: errors.DomainError) -> serializers.ValidationError:
    """A rule of the domain as a validation error of a field."""
    return serializers.ValidationError(error.message, code=error.code)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000},
            {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"},
        ]
    }
)
class PriceField(serializers.Field):  # type: ignore[type-arg] # generic only in its stubs
    """A price: a JSON number, or an ASCII decimal string. Its decimals are checked once the currency is known."""

    def to_internal_value(self, data: Any) -> decimal.Decimal:
        text = data.text if isinstance(data, parsers.Number) else data
        try:
            return money.parse(text if isinstance(text, str) else "")
        except money.BadPrice as error:
            raise refused(error) from error

    def to_representation(self, value: decimal.Decimal) -> decimal.Decimal:
        return value


class CurrencyField(serializers.CharField):
    """A code of ISO 4217."""

    def to_internal_value(self, data: Any) -> str:
        code: str = super().to_internal_value(data)
        try:
            money.decimals_of(code)
        except money.UnknownCurrency as error:
            raise refused(error) from error
        return code


class MomentField(serializers.DateTimeField):
    """A moment by RFC 3339, with its offset; kept and shown in UTC."""

    default_error_messages = {"invalid": "A time is written by RFC 3339, such as 2026-03-02T19:30:00Z."}

    def to_internal_value(self, value: Any) -> dt.datetime:
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            self.fail("invalid", format="")
        try:
            return dt.datetime.fromisoformat(value.upper()).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            self.fail("invalid", format="")


class IdField(serializers.UUIDField):
    """An id of ours, in the one way it is written; stock DRF would also take a number or a URN."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        found = paths.parse_id(data)
        if found is None:
            self.fail("invalid", value=data)
        return found


class TextField(serializers.CharField):
    """Text of which something can be seen: white space, controls and what has no width are blank to its reader."""

    def run_validation(self, data: Any = fields.empty) -> Any:
        text = super().run_validation(data)
        if text and not self.allow_blank and not any(map(_is_visible, text)):
            self.fail("blank")
        return text


class PricedSerializer(serializers.Serializer[Any]):
    """A serializer with `price` and `currency`, which it turns into `amount_minor` and `currency`, both or neither.

    A price without a currency is in `context["currency"]`, by default USD. A currency alone would change what the
    old number means, and is refused.
    """

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        price, currency = attrs.pop("price", None), attrs.get("currency")
        if price is None:
            if currency is not None:
                raise serializers.ValidationError({"price": "A new currency needs a new price."})
            return attrs
        attrs["currency"] = currency or self.context.get("currency", money.DEFAULT_CURRENCY)
        try:
            attrs["amount_minor"] = money.to_minor(price, attrs["currency"])
        except money.BadPrice as error:
            raise serializers.ValidationError({"price": refused(error).detail}) from error
        return attrs
