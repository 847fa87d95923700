"""The files an operator's Prometheus and Grafana are given, and what is in them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "observability" / "prometheus"
GRAFANA = ROOT / "deploy" / "observability" / "grafana"
RUNBOOKS = ROOT / "docs" / "runbooks.md"
METRICS = ROOT / "docs" / "metrics.md"


def rules() -> dict[str, Any]:
    """alerts.yml."""
    content: dict[str, Any] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
    return content


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts in it, by name."""
    every = [rule for group in rules()["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in every if "alert" in rule}


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards, by the name of their file."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}


class Target(NamedTuple):
    """One thing that a panel asks, its variables filled in."""

    dashboard: str
    panel: str
    expression: str
    legend: str


def targets() -> list[Target]:
    return [
        Target(name, panel["title"], _filled(target["expr"]), target["legendFormat"])
        for name, dashboard in dashboards().items()
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]


def _filled(expression: str) -> str:
    # payments has all three kinds of process.
    return expression.replace("$__rate_interval", "1m").replace("$service", "payments")
