"""The checks of expressions are worth what this finds in them."""

import pytest

from tests.observability import promql


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", [("up", set())]),
        ('up{kind="web", service!="a b{}"} == 0', [("up", {"kind", "service"})]),
        ("sum by (service, le) (rate(x_bucket[5m]))", [("x_bucket", set())]),
        ('histogram_quantile(0.95, sum by (le) (rate(x_bucket{a=~"b|c"}[10m:1m])))', [("x_bucket", {"a"})]),
        ("max(a) >= on (service) group_left (x) b", [("a", set()), ("b", set())]),
        ("time() - (seen_seconds > 0) > 1e3 and up offset 5m", [("seen_seconds", set()), ("up", set())]),
        ("job:errors:ratio_rate5m > 14.4 * 0.001", [("job:errors:ratio_rate5m", set())]),
        ("count(up) unless (sum(x) > 0) or vector(0)", [("up", set()), ("x", set())]),
        ("0 * sum(rate(a[6h])) / -b", [("a", set()), ("b", set())]),
    ],
)
def test_finds_every_selector_and_nothing_else(expression, found):
    assert [(name, set(labels)) for name, labels in promql.selectors(expression)] == found


def test_finds_what_is_grouped_by():
    expression = 'sum by (service, le) (a{x="by (y)"}) * on(instance) group_left() b'

    assert promql.grouped_by(expression) == {"service", "le", "instance"}
