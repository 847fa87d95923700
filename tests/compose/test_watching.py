"""What an operator looks at: logs that a program can read, and a Prometheus that finds everybody."""

import json
import re
import uuid

import httpx
import pytest
import yaml

from deploy.local import homes, services
from shared.testing import waiting
from tests.market import people

OBSERVABILITY = homes.ROOT / "deploy" / "observability"
PROCESSES = [f"{service}.{kind}" for service in services.NAMES for kind in services.processes(service)]


def lines(market, name):
    """All that the containers of `name` have said, on either stream."""
    return [line for one in market.containers(name) for line in market.logs(one["Id"]).splitlines() if line.strip()]


class TestLogs:
    def test_are_one_object_a_line(self, market, olivia, bruno):
        bruno.has_bought(olivia.offers())
        said = {name: lines(market, name) for name in (*PROCESSES, "gateway")}

        assert [name for name in said if name.endswith("web") and not said[name]] == []
        broken = [line for listed in said.values() for line in listed if not line.startswith("{")]
        assert broken == []
        assert all(isinstance(json.loads(line), dict) for listed in said.values() for line in listed)

    def test_name_the_request(self, market, olivia, bruno):
        request = uuid.uuid4().hex

        bruno.orders(olivia.offers(), X_Request_ID=request)

        # More than once, where orders has not heard of the ticket yet, and of any replica.
        asked = [json.loads(line) for line in lines(market, "orders.web") if request in line]
        assert {(line["request_id"], line["service"]) for line in asked} == {(request, "orders")}
        assert [line.get("status") for line in asked].count(201) == 1

    def test_give_every_request_an_id(self, market, olivia):
        olivia.lists("orders")
        said = [json.loads(line) for line in lines(market, "orders.web")]

        requests = [line for line in said if line["logger"] == "request"]
        assert requests
        assert [line for line in requests if not line.get("request_id")] == []

    def test_tell_no_secret_and_no_address(self, market, olivia):
        kinds = ("password", "secret", "secret_key")
        secrets = [path.read_text() for path in market.secrets.iterdir() if path.name.endswith(kinds)]
        said = "\n".join(line for name in PROCESSES for line in lines(market, name))

        assert olivia.email not in said
        assert people.PASSWORD not in said
        assert not [secret for secret in secrets if secret in said]


@pytest.fixture(scope="module")
def prometheus(market):
    """Asks Prometheus: `prometheus("targets")`, `prometheus("query", query="up")`."""
    market.stack.compose("up", "--detach", "--wait", "--no-deps", "prometheus")
    port = market.stack.environment["ADMIT_ONE_PROMETHEUS_PORT"]

    def ask(what, **query):
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/{what}", params=query, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    return ask


class TestPrometheus:
    def test_scrapes_every_container(self, market, prometheus):
        expected = {name: len(market.containers(name)) for name in PROCESSES}

        def found():
            targets = prometheus("targets", state="active")["activeTargets"]
            up = [one["labels"] for one in targets if one["health"] == "up"]
            counted = [f"{labels['service']}.{labels['kind']}" for labels in up if "kind" in labels]
            others = {labels["service"] for labels in up if "kind" not in labels}
            seen.append([(one["labels"], one["health"], one["lastError"]) for one in targets if one["health"] != "up"])
            whole = {name: counted.count(name) for name in expected} == expected and len(up) == len(targets)
            return whole and {"rabbitmq", "prometheus"} <= others

        seen = []
        try:
            waiting.until(found, seconds=90, every=1, what="every target to be up")
        except AssertionError as error:
            raise AssertionError(f"{error}; not up: {seen[-1]}") from None

    def test_understands_every_rule_that_it_was_given(self, prometheus):
        def evaluated():
            rules = [rule for group in prometheus("rules")["groups"] for rule in group["rules"]]
            return rules if all(rule["health"] != "unknown" for rule in rules) else None

        rules = waiting.until(evaluated, seconds=60, every=1, what="every rule to be evaluated")

        assert {rule["name"] for rule in rules if rule["type"] == "alerting"} == {rule["alert"] for rule in alerts()}
        assert [rule for rule in rules if rule["health"] != "ok"] == []

    def test_evaluates_every_expression_of_alerts_and_dashboards(self, prometheus):
        listed = [rule["expr"] for rule in alerts()] + list(panels())

        for expression in listed:
            prometheus("query", query=expression)
        assert listed


def alerts():
    told = yaml.safe_load((OBSERVABILITY / "prometheus" / "alerts.yml").read_text())
    return [rule for group in told["groups"] for rule in group["rules"] if "alert" in rule]


def panels():
    """The expressions of the dashboards, with what Grafana would put in for its variables."""
    for path in sorted((OBSERVABILITY / "grafana" / "dashboards").glob("*.json")):
        for expression in expressions(json.loads(path.read_text())):
            yield re.sub(r"\$\{?\w+\}?", lambda name: "5m" if "interval" in name[0] else "orders", expression)


def expressions(part):
    if isinstance(part, dict):
        yield from [part["expr"]] if isinstance(part.get("expr"), str) else []
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from expressions(one)
