"""Prometheus's operator is told the same alerts as Prometheus itself, and to ask every process that there is."""

import yaml

from deploy.kubernetes import alerts
from tests.kubernetes import manifests


def test_the_alerts_are_those_of_prometheus():
    assert alerts.RULE.read_text() == alerts.text(), "write them anew: python -m deploy.kubernetes.alerts"

    rule = manifests.called(manifests.of("base"), "PrometheusRule", "market")
    assert rule["spec"] == yaml.safe_load(alerts.ALERTS.read_text())


def test_every_process_is_asked_under_the_labels_that_alerts_know():
    objects = manifests.of("base")
    monitor = manifests.called(objects, "PodMonitor", "services")["spec"]
    (kinds,) = [one["values"] for one in monitor["selector"]["matchExpressions"] if one["key"] == "kind"]
    deployments = [one for one in manifests.all_of(objects, "Deployment") if one["metadata"]["name"] != "gateway"]
    (endpoint,) = monitor["podMetricsEndpoints"]

    assert {manifests.labels(one)["kind"] for one in deployments} == set(kinds)
    for one in deployments:
        (container,) = manifests.pod(one)["containers"]
        assert endpoint["port"] in {port["name"] for port in container["ports"]}
    assert monitor["podTargetLabels"] == ["service", "kind"]


def test_the_jobs_are_called_as_in_the_other_deployments():
    """Alerts may name them."""
    configured = yaml.safe_load((alerts.ALERTS.parent / "prometheus.yml").read_text())["scrape_configs"]
    told = {
        relabeling["replacement"]
        for monitor in manifests.all_of(manifests.of("base"), "PodMonitor")
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
        for relabeling in endpoint["relabelings"]
        if relabeling["targetLabel"] == "job"
    }

    assert {job["job_name"] for job in configured} - {"prometheus"} <= told
