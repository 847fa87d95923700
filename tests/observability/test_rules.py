"""Each alert fires when it must, says what it means, and is silent when it should be."""

import collections
import re
import subprocess

import yaml

from deploy.local import services
from tests.observability import cases, files


def promtool(*arguments):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


def expected(case, rule):
    labels = {**case.labels, **rule["labels"]}
    return {"exp_labels": labels, "exp_annotations": {**rule["annotations"], "summary": case.says}}


def fires(case):
    return _past(case, case.fires, [expected(case, files.alerts()[case.alert])])


def is_silent(case):
    return _past(case, case.silent, [])


def _past(case, series, alerts):
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": alerts}],
    }


def failures(place, rules, expectation):
    """Of how many cases of each alert the rules fall short of the expectation, and what promtool says of it."""
    (place / "alerts.yml").write_text(yaml.safe_dump(rules))
    tests = [expectation(case) for case in cases.CASES]
    told = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": tests}
    (place / "cases.yml").write_text(yaml.safe_dump(told))
    done = promtool("test", "rules", place / "cases.yml")
    found = collections.Counter(re.findall(r"alertname: (\w+), time: \w+", done.stderr + done.stdout))
    assert bool(found) == bool(done.returncode), done.stdout + done.stderr
    return found, done.stdout + done.stderr


def asking(expression):
    """The rules, in which every alert asks this instead."""
    rules = files.rules()
    for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
        rule["expr"] = expression
    return rules


class TestFiles:
    def test_are_what_prometheus_reads(self):
        done = promtool("check", "config", files.PROMETHEUS / "prometheus.yml")

        assert done.returncode == 0, done.stderr

    def test_scrape_every_process_of_every_service(self):
        (services_job, *_) = yaml.safe_load((files.PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
        (names,) = [found["names"] for found in services_job["dns_sd_configs"]]

        assert names == [f"{service}-{kind}" for service in services.NAMES for kind in services.processes(service)]

    def test_miss_the_worker_of_every_service_that_has_one(self):
        assert f'service=~"{"|".join(services.WITH_WORKER)}"' in files.alerts()["TasksNotRunning"]["expr"]

    def test_say_of_every_alert_how_bad_it_is_and_where_to_read_on(self):
        for name, rule in files.alerts().items():
            assert rule["labels"]["severity"] in ("page", "ticket"), name
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"

    def test_have_cases_for_every_alert(self):
        assert {case.alert for case in cases.CASES} == set(files.alerts())


class TestAlerts:
    every = collections.Counter(case.alert for case in cases.CASES)

    def test_fire_when_they_must_and_say_so(self, tmp_path):
        found, said = failures(tmp_path, files.rules(), fires)

        assert not found, said

    def test_are_silent_when_they_should_be(self, tmp_path):
        found, said = failures(tmp_path, files.rules(), is_silent)

        assert not found, said

    def test_that_never_fired_would_each_be_noticed(self, tmp_path):
        assert failures(tmp_path, asking("vector(1) < 0"), fires)[0] == self.every

    def test_that_always_fired_would_each_be_noticed(self, tmp_path):
        assert failures(tmp_path, asking("vector(1)"), is_silent)[0] == self.every
