"""JSON as it comes from strangers: RFC 8259, and nothing that only some readers would understand."""

import codecs
import decimal
import json
import re
from collections.abc import Mapping
from email import message
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions, parsers

DEEPEST = 32
LONGEST_NUMBER = 100

# A string that never ends is read to the end all the same: looking for its end anew from every quote would take
# quadratic time. Possessive, for the same reason.
_BRACKETS_AND_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Number(decimal.Decimal):
    """A JSON number, exactly as it was written: a price must never have been a float."""

    text: str

    def __new__(cls, text: str) -> "Number":
        if len(text) > LONGEST_NUMBER:
            raise ValueError(f"a number has more than {LONGEST_NUMBER} digits")
        number = super().__new__(cls, text)
        number.text = text
        return number


class StrictJSONParser(parsers.BaseParser):
    """Refuses (400) duplicate names, NaN, NUL, lone surrogates, deep nesting and whatever is no object."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        _check_charset(media_type or self.media_type)
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            return loads(body)
        except (ValueError, decimal.InvalidOperation, RecursionError) as error:
            raise exceptions.ParseError(f"The body is not the JSON we accept: {error}.") from error


def loads(body: bytes) -> dict[str, Any]:
    """Read a JSON object; numbers become `Number`. Raises ValueError with what is wrong."""
    if body.startswith(codecs.BOM_UTF8):
        raise ValueError("it begins with a byte order mark")
    _check_depth(body)
    value = json.loads(
        body.decode("utf-8"),
        parse_int=Number,
        parse_float=Number,
        parse_constant=_refuse_constant,
        object_pairs_hook=_unique,
    )
    if not isinstance(value, dict):
        raise ValueError("it has to be an object")
    _check_texts(value)
    return value


def _check_charset(media_type: str) -> None:
    charset = message.Message()
    charset["Content-Type"] = media_type
    if str(charset.get_param("charset", "utf-8")).lower() not in ("utf-8", "utf8"):
        raise exceptions.UnsupportedMediaType(media_type)


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return
    depth = 0
    for token in _BRACKETS_AND_STRINGS.finditer(body):
        first = token.group()[:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a text contains NUL")
        if _LONE_SURROGATE.search(value):
            raise ValueError("a text contains half a surrogate pair")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for member in value:
            _check_texts(member)
