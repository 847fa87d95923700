"""The nemesis at work: every fault at least twice on a market where people trade, and nothing that was said is lost."""

import pytest

from deploy.chaos import plan, report, run
from deploy.chaos.faults import table
from deploy.local import homes
from deploy.local.refusals import Refusal

SECONDS, FREEZE = 120.0, 6.0


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One seed, the same in every run, on RabbitMQ."""
    faults, refused = table.choose([], broker="rabbitmq")
    return run.once(
        seed=7,
        seconds=SECONDS,
        faults=faults,
        refused=refused,
        broker="rabbitmq",
        freeze=FREEZE,
        place=tmp_path_factory.mktemp("chaos"),
    )


@pytest.mark.timeout(900)
class TestEveryFault:
    def test_breaks_no_promise(self, done):
        assert done.violations == [], report.text(done)

    def test_is_planned_at_least_twice(self, done):
        planned = {kind: count["planned"] for kind, count in done.faults.items()}

        fitting = {name for name, fault in table.FAULTS.items() if "rabbitmq" in fault.strikes}
        assert planned.keys() | done.refused.keys() == fitting
        assert min(planned.values()) >= plan.ROUNDS

    def test_strikes(self, done):
        """Of what is planned, nearly all hits: now and then a target is down already when its turn comes."""
        planned, struck = (sum(count[what] for count in done.faults.values()) for what in ("planned", "struck"))

        assert struck >= 0.85 * planned, done.missed

    def test_stops_nobody_from_buying(self, done):
        assert done.purchases >= 5
        assert done.writes["ok"] > done.writes.get("unknown", 0)

    def test_is_caught_up_with_within_half_a_minute(self, done):
        assert done.drained < 30


class TestChoosing:
    def test_needs_no_market_that_was_ever_up(self, tmp_path):
        rest = {"kill_every": 1, "freeze": 1, "one_by_one": False, "keep": False, "seed": 1, "seeds": 1, "minutes": 1}

        with pytest.raises(Refusal, match="There is no fault flood"):
            run.main(homes.Home(tmp_path / "home"), faults="flood", broker="embedded", **rest)

    def test_knows_every_fault_of_the_plan(self):
        assert set(table.FAULTS) == set(plan.KINDS)

    def test_refuses_a_fault_that_does_not_exist(self):
        with pytest.raises(Refusal, match="There is no fault flood"):
            table.choose(["kill", "flood"], broker="rabbitmq")

    @pytest.mark.parametrize(
        ("fault", "broker", "instead"),
        [("partition", "rabbitmq", "--broker cluster"), ("broker-wipe", "cluster", "--broker rabbitmq")],
    )
    def test_refuses_a_fault_that_cannot_strike_this_broker(self, fault, broker, instead):
        with pytest.raises(Refusal, match=instead):
            table.choose([fault], broker=broker)

    def test_leaves_out_without_a_word_what_cannot_strike_this_broker(self):
        chosen, refused = table.choose([], broker="cluster")

        assert {"leader-kill", "partition", "isolation", "kill"} <= set(chosen)
        assert not {"broker-restart", "broker-wipe", "queue-deleted"} & ({*chosen} | refused.keys())

    def test_leaves_out_by_name_what_cannot_be_had(self, monkeypatch):
        monkeypatch.setattr(table.FAULTS["disk-full"], "missing", lambda: "nothing can be mounted")

        chosen, refused = table.choose([], broker="rabbitmq")
        assert "disk-full" not in chosen
        assert refused["disk-full"] == "nothing can be mounted"

    def test_refuses_what_cannot_be_had_when_it_is_asked_for(self, monkeypatch):
        monkeypatch.setattr(table.FAULTS["clock-skew"], "missing", lambda: "there is no libfaketime")

        with pytest.raises(Refusal, match="clock-skew cannot be had"):
            table.choose(["clock-skew"], broker="rabbitmq")
