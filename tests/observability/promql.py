"""What a PromQL expression names: enough of its grammar to find every selector in ours."""

import re
from typing import NamedTuple

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(?!\s*\(|[\w:({])")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS = {"and", "or", "unless", "bool", "inf", "nan"}


class Selector(NamedTuple):
    metric: str
    labels: frozenset[str]
    """Those that a series is chosen by."""


def selectors(expression: str) -> list[Selector]:
    plain = _GROUPING.sub(" ", _RANGE.sub(" ", _STRING.sub('""', expression)))
    found = (Selector(name, frozenset(_MATCHER.findall(matchers))) for name, matchers in _SELECTOR.findall(plain))
    return [selector for selector in found if selector.metric.lower() not in _WORDS]


def grouped_by(expression: str) -> set[str]:
    """The labels by which an expression groups or joins."""
    lists = [labels for _, labels in _GROUPING.findall(_STRING.sub('""', expression))]
    return {label.strip() for labels in lists for label in labels.split(",") if label.strip()}
