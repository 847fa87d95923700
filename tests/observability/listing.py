"""docs/metrics.md: what is exported, as a table that is held against a running market."""

import re
from typing import NamedTuple

from tests.observability import files, scraping

# What libraries, Prometheus and RabbitMQ tell of themselves is documented there.
FOREIGN = re.compile(r"(go|net|process|prometheus|promhttp|python|rabbitmq|erlang|scrape|telemetry)_")
OF_TARGETS = {"__name__", "instance", "job", "kind", "le", "service"}


class Metric(NamedTuple):
    name: str
    type: str
    labels: frozenset[str]
    help: str


def listed() -> dict[str, Metric]:
    """The rows of the tables, by the name of their metric."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \|$", files.METRICS.read_text(), re.MULTILINE)
    return {name: Metric(name, type_, _words(labels), what) for name, type_, labels, what in rows}


def exported(watched: scraping.Prometheus) -> dict[str, Metric]:
    """Our own metrics, with the labels that have been seen."""
    ours = {name: told for name, told in watched.exported().items() if not FOREIGN.match(name)}
    return {
        name: Metric(name, told["type"], _labels(watched, name, told["type"]), told["help"])
        for name, told in ours.items()
    }


def _labels(watched: scraping.Prometheus, name: str, type_: str) -> frozenset[str]:
    return frozenset(watched.labels_of(f"{name}_count" if type_ == "histogram" else name) - OF_TARGETS)


def _words(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", cell))
