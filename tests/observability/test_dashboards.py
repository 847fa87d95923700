"""Grafana reads the dashboards as they are: nothing else checks them before an operator looks."""

import copy
import re

import pytest
import yaml

from tests.observability import files

COLUMNS = 24
TYPES = {"stat", "timeseries"}
UNITS = {"bytes", "cpm", "cps", "percentunit", "reqps", "s", "short"}
OWN_VARIABLES = {"__rate_interval"}

SOURCE = {"type": "prometheus", "uid": "prometheus"}


def flaws(dashboard):
    """What Grafana would stumble over, or show wrongly."""
    panels = dashboard["panels"]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    found = [f"two panels of one {what}" for what in ("id", "title") if len({p[what] for p in panels}) < len(panels)]
    cells = [cell for panel in panels for cell in _cells(panel["gridPos"])]
    if len(set(cells)) < len(cells):
        found.append("panels lie on each other")
    if any(x >= COLUMNS for x, _ in cells):
        found.append("a panel lies beside the grid")
    for panel in panels:
        found += [f"{panel['title']}: {flaw}" for flaw in _flaws_of(panel, variables)]
    return found


def _cells(position):
    xs = range(position["x"], position["x"] + position["w"])
    return [(x, y) for x in xs for y in range(position["y"], position["y"] + position["h"])]


def _flaws_of(panel, variables):
    references = [target["refId"] for target in panel["targets"]]
    if panel["type"] not in TYPES:
        yield "another type"
    if panel["fieldConfig"]["defaults"]["unit"] not in UNITS:
        yield "another unit"
    if panel["datasource"] != SOURCE:
        yield "another source"
    if not references or len(set(references)) < len(references):
        yield "targets are not told apart"
    for target in panel["targets"]:
        if not target["legendFormat"]:
            yield "a line without a name"
        if not set(re.findall(r"\$(\w+)", target["expr"])) <= variables | OWN_VARIABLES:
            yield "an unknown variable"


every_dashboard = pytest.mark.parametrize("name", files.dashboards())


@every_dashboard
class TestDashboard:
    def test_is_named_by_its_file(self, name):
        dashboard = files.dashboards()[name]

        assert dashboard["uid"] == f"admit-one-{name}"
        assert dashboard["title"]
        assert isinstance(dashboard["schemaVersion"], int)

    def test_has_no_flaws(self, name):
        assert flaws(files.dashboards()[name]) == []

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda panel, other: panel.update(id=other["id"]),
            lambda panel, other: panel.update(title=other["title"]),
            lambda panel, other: panel.update(type="tiemseries"),
            lambda panel, other: panel["gridPos"].update(other["gridPos"]),
            lambda panel, other: panel["gridPos"].update(x=COLUMNS - 1),
            lambda panel, other: panel["fieldConfig"]["defaults"].update(unit="second"),
            lambda panel, other: panel["datasource"].update(uid="prom"),
            lambda panel, other: panel["targets"].append(panel["targets"][0]),
            lambda panel, other: panel["targets"][0].update(expr="up{service='$svc'}"),
            lambda panel, other: panel["targets"][0].update(legendFormat=""),
        ],
    )
    def test_that_had_one_would_be_noticed(self, name, spoil):
        dashboard = copy.deepcopy(files.dashboards()[name])

        spoil(dashboard["panels"][1], dashboard["panels"][0])

        assert flaws(dashboard)


class TestProvisioning:
    def read(self, kind, name):
        return yaml.safe_load((files.GRAFANA / "provisioning" / kind / f"{name}.yml").read_text())

    def test_gives_the_source_that_dashboards_ask(self):
        (source,) = self.read("datasources", "prometheus")["datasources"]

        assert {"type": source["type"], "uid": source["uid"]} == SOURCE
        assert source["url"] == "http://prometheus:9090"
        assert source["isDefault"]

    def test_reads_the_folder_of_the_dashboards(self):
        (provider,) = self.read("dashboards", "admit-one")["providers"]

        assert provider["type"] == "file"
        assert provider["options"] == {"path": "/var/lib/grafana/dashboards"}
