"""How a level that has a value for each of several things is told."""

from collections.abc import Iterable
from typing import SupportsFloat

from prometheus_client.core import GaugeMetricFamily, Metric


def by(label: str, name: str, what: str, values: Iterable[tuple[str, SupportsFloat]]) -> Metric:
    """The gauge `name`, which means `what`: of each value of `label`, how much."""
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, level in values:
        family.add_metric([value], float(level))
    return family
