"""Whoever is called finds a page that says what to do, and no page is about what nobody is called for."""

import re

import pytest

from tests.observability import files


@pytest.fixture(scope="module")
def sections():
    """The text of each section of docs/runbooks.md, by its heading."""
    parts = re.split(r"^### (\w+)\n", files.RUNBOOKS.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_alert_has_a_page_and_every_page_an_alert(sections):
    assert list(sections) == list(files.alerts())


def test_every_page_says_what_it_means_where_to_look_and_what_to_do(sections):
    for name, text in sections.items():
        assert re.findall(r"^\*\*(\w+)\*\*: ", text, re.MULTILINE) == ["Means", "Look", "Do"], name


def test_every_reference_leads_to_a_section(sections):
    anchors = {name.lower() for name in sections}

    assert set(re.findall(r"\]\(#([\w-]+)\)", files.RUNBOOKS.read_text())) <= anchors


def test_every_metric_that_is_named_is_listed():
    listed = set(re.findall(r"^\| `(\w+)` \|", files.METRICS.read_text(), re.MULTILINE))
    named = set(re.findall(r"`([a-z]+_[a-z_]+_(?:total|seconds|count|bucket|bytes))\b", files.RUNBOOKS.read_text()))

    assert {name.removesuffix("_count") for name in named} <= listed
