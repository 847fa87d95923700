"""The report of a chaos run: what is counted, and what is a violation."""

import json

import pytest

from deploy.chaos import history, nemesis, plan, report, watch
from deploy.local.finding import Finding


@pytest.fixture
def log():
    kept = history.History()
    for outcome, status in ((history.OK, 201), (history.OK, 201), (history.FAIL, 409), (history.UNKNOWN, 503)):
        one = kept.invoked(client="bruno", what="order", subject="Hamlet")
        one.outcome, one.status = outcome, status
    return kept


class TestCounts:
    def test_what_struck_and_what_was_only_planned(self, log):
        made = _made(log, planned=[_struck("kill"), _struck("kill", missed="it was gone"), _struck("broker-wipe")])

        assert made.faults["kill"] == {"planned": 2, "struck": 1}
        assert made.kills == 2  # a wipe kills the broker
        assert made.missed == ["kill orders.web: it was gone"]

    def test_what_clients_were_told(self, log):
        made = _made(log)

        assert made.writes == {"ok": 2, "fail": 1, "unknown": 1}
        assert made.unavailable == 1

    def test_what_was_lost_doubled_and_inverted(self, log):
        checks = ("never heard", "lost", "doubled", "sold twice", "heard twice", "inversion")
        made = _made(log, found=[Finding(check, "Hamlet", "gone") for check in checks])

        assert made.counts == {"lost": 2, "doubled": 3, "inversions": 1}
        assert len(made.violations) == 6


class TestViolations:
    def test_there_are_none_where_nothing_was_found(self, log):
        assert _made(log, planned=[_struck("kill")]).is_clean

    def test_a_fault_that_never_struck_is_one(self, log):
        made = _made(log, planned=[_struck("kill", missed="gone"), _struck("kill", missed="gone")])

        assert made.violations == ["kill was planned 2 times and never struck"]

    def test_a_fault_that_could_not_be_healed_is_one(self, log):
        made = _made(log, planned=[_struck("kill"), _struck("cut", trouble="Traceback\nTimeoutError: in vain")])

        assert "cut orders.web: TimeoutError: in vain" in made.violations

    def test_a_client_that_fell_over_is_one(self, log):
        assert _made(log, troubles=["buyer1: KeyError"]).violations == ["buyer1: KeyError"]


class TestTold:
    def test_as_text_with_the_seed_and_every_refusal(self, log):
        told = report.text(_made(log, refused={"disk-full": "nothing can be mounted"}))

        assert told.startswith("seed 7 ")
        assert "refused: disk-full: nothing can be mounted" in told
        assert told.endswith("nothing was violated")

    def test_as_text_with_the_times_of_strikes_that_came_one_by_one(self, log):
        hearings = [watch.Hearing(after=12.5, longest=3.2, asked_again=0), watch.Hearing(9.1, 4.5, 2)]
        planned = [_struck("partition", hearing=hearing) for hearing in hearings]

        told = report.text(_made(log, planned=planned))

        assert (
            "after partition, everything was heard within 12.5 s, each after at most 4.5 s; asked for again 2 times"
            in told
        )

    def test_as_a_table_whose_last_line_is_the_sum(self, log):
        one, other = _made(log, planned=[_struck("kill")]), _made(log, planned=[_struck("kill")])

        *_, last = report.table([one, other]).splitlines()
        assert last.startswith("| all | 2 | 2 |")

    def test_in_files_with_every_operation(self, log, tmp_path):
        report.write(_made(log), log, tmp_path)

        assert json.loads((tmp_path / "seed-7.json").read_text())["writes"]["ok"] == 2
        assert len((tmp_path / "seed-7.history.jsonl").read_text().splitlines()) == 4


def _made(log, *, planned=(), found=(), troubles=(), refused=None):
    return report.make(
        seed=7,
        broker="rabbitmq",
        seconds=10,
        planned=planned,
        refused=refused or {},
        log=log,
        purchases=3,
        drained=1,
        at_rest=2,
        found=found,
        troubles=troubles,
    )


def _struck(fault, *, missed="", trouble="", hearing=None):
    strike = plan.Strike(at=0, fault=fault, target="orders.web", seconds=0, chance=0)
    return nemesis.Struck(strike, began=10, ended=12, missed=missed, trouble=trouble, hearing=hearing)
