"""Every expression of alerts and dashboards, asked of a real Prometheus about a market in which people trade."""

import re
import urllib.error

import pytest

from deploy.local import services
from shared.testing import waiting
from tests.market import people
from tests.observability import files, listing, promql, scraping

# What there is nothing of while all goes well.
NOTHING_YET = {
    ("messaging", "Batches not confirmed"),
    ("messaging", "Told again"),
}


@pytest.fixture
def trading(watched, olivia, bruno, anybody):
    """A purchase, one that is declined, a sign-in and one that is refused; and Prometheus has seen them."""
    ticket, dear = olivia.offers(), olivia.offers(title="Macbeth, row A")
    bruno.has_bought(ticket)
    refused = bruno.pays(bruno.has_ordered(dear), "tok_chargeDeclined")
    assert refused.status_code == 402, refused.text
    for password, status in ((people.PASSWORD, 200), ("not this one", 400)):
        answer = anybody.post("/api/users/signin", json={"email": bruno.email, "password": password})
        assert answer.status_code == status, answer.text
    counted = ('messaging_published_total{type="payment.captured"}', 'auth_sign_ins_total{outcome="refused"}')
    scraping.moved(watched, counted)
    return watched


def expressions():
    alerts = {name: rule["expr"] for name, rule in files.alerts().items()}
    rest = {f"{one.dashboard}: {one.panel}: {one.legend}": one.expression for one in files.targets()}
    return alerts | rest


def unknown(watched, expression):
    """The selectors of an expression that no target can ever match, by their metric or by one of their labels."""
    names = watched.series_names() | {"ALERTS"}
    wrong = []
    for selector in promql.selectors(expression):
        there = watched.labels_of(selector.metric)
        if selector.metric not in names or (there and not selector.labels <= there):
            wrong.append(selector)
    return wrong


def ungroupable(watched, expression):
    """The labels by which an expression groups and that nothing has, also not when it has once happened."""
    there = {label for metric in listing.listed().values() for label in metric.labels}
    return promql.grouped_by(expression) - there - set(watched.ask("labels"))


class TestPrometheus:
    def test_scrapes_every_process_of_every_service(self, watched):
        kinds = {(labels["service"], labels["kind"]) for labels in watched.targets.values() if "kind" in labels}

        assert kinds == {(service, kind) for service in services.NAMES for kind in services.processes(service)}
        assert {target["health"] for target in watched.ask("targets")["activeTargets"]} == {"up"}

    def test_evaluates_every_rule(self, trading):
        rules = [rule for group in trading.ask("rules")["groups"] for rule in group["rules"]]

        assert {rule["name"] for rule in rules if rule["type"] == "alerting"} == set(files.alerts())
        assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []

    def test_calls_nobody_while_all_is_well(self, trading):
        firing = trading.query('ALERTS{alertstate="firing"}')

        assert [alert["metric"] for alert in firing] == []

    def test_sees_no_label_of_ours_that_is_its_own(self, watched):
        """`kind` of a target and `kind` of a metric would become `exported_kind`, and no expression would know."""
        labels = watched.ask("labels")

        assert [label for label in labels if label.startswith("exported_")] == []


class TestExpressions:
    def test_name_nothing_that_nobody_exports(self, trading):
        assert {name: wrong for name, asked in expressions().items() if (wrong := unknown(trading, asked))} == {}

    @pytest.mark.parametrize(
        "expression",
        [
            "rate(messaging_publish_total[5m])",
            'sum(rate(auth_sign_ins_total{result="refused"}[5m])) > 1',
            "up * uptime",
        ],
    )
    def test_that_did_would_be_noticed(self, trading, expression):
        assert unknown(trading, expression)

    def test_group_by_what_there_is(self, trading):
        assert {name: wrong for name, asked in expressions().items() if (wrong := ungroupable(trading, asked))} == {}

    def test_that_grouped_by_nothing_would_be_noticed(self, trading):
        assert ungroupable(trading, "sum by (service, sort) (messaging_parked)") == {"sort"}

    def test_are_answered(self, trading):
        for name, expression in expressions().items():
            assert isinstance(trading.query(expression), list), name

    def test_that_were_none_would_be_noticed(self, trading):
        with pytest.raises(urllib.error.HTTPError):
            trading.query("sum by (service (up)")


class TestDashboards:
    def test_show_something_on_every_panel(self, trading):
        def empty():
            return {(one.dashboard, one.panel) for one in files.targets() if not trading.query(one.expression)}

        # A rate is there once two scrapes are.
        waiting.until(
            lambda: empty() <= NOTHING_YET, seconds=20, every=1, what=f"nothing but {NOTHING_YET} to be empty"
        )

    def test_label_every_line_by_what_it_has(self, trading):
        for one in files.targets():
            wanted = set(re.findall(r"{{(\w+)}}", one.legend))
            for series in trading.query(one.expression):
                assert wanted <= set(series["metric"]), one


class TestListing:
    def test_names_every_metric_that_is_exported_and_no_other(self, trading):
        assert set(listing.listed()) == set(listing.exported(trading))

    def test_says_what_each_is(self, trading):
        listed = listing.listed()
        for name, metric in listing.exported(trading).items():
            assert (metric.type, metric.help) == (listed[name].type, listed[name].help), name

    def test_names_the_labels_of_each(self, trading):
        listed = listing.listed()
        for name, metric in listing.exported(trading).items():
            assert metric.labels <= listed[name].labels, name
            assert metric.labels == listed[name].labels or not metric.labels, name
