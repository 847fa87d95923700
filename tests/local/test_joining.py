"""What a newcomer adds to a market that is up, and what it leaves alone."""

import pytest

from deploy.local import graph, joining, ports, rabbitmq, spec
from deploy.local.refusals import Refusal


@pytest.fixture(params=["embedded", "rabbitmq"])
def steps(request, home, monkeypatch):
    """Those with which payments, in the newcomer's part, joins the others."""
    monkeypatch.setattr(graph.brokers, "program", lambda: "/usr/lib/rabbitmq/bin/rabbitmq-server")
    monkeypatch.setattr(rabbitmq.shutil, "which", lambda name: f"/usr/bin/{name}")
    market = graph.market(home, port=ports.free(), broker=request.param)
    return joining.steps(market, "payments")


def before(steps, name):
    (step,) = (step for step in steps if step.name == name)
    return joining.processes_before(step, steps)


class TestSteps:
    def test_start_only_the_newcomers_processes_and_tell_of_the_gateways_next_start(self, steps):
        started = {step.name for step in steps if isinstance(step, spec.Process)}

        assert started == {*graph.listening("payments"), "gateway"}

    def test_come_in_an_order_in_which_they_can_be_done(self, steps):
        for place, step in enumerate(steps):
            later = {other.name for other in steps[place:]}
            assert not later & set(step.after)

    def test_have_messaging_wait_for_its_place_in_the_broker(self, steps):
        (messaging,) = (step for step in steps if step.name == "payments.messaging")

        assert {"broker.queues", "broker.definitions"} & set(messaging.after)

    def test_have_each_process_end_before_what_it_needs(self, steps):
        assert before(steps, "payments.web") == ["payments.postgres"]
        assert before(steps, "payments.messaging") == ["broker", "payments.postgres"]
        assert {"payments.web", "payments.messaging", "tickets.web"} <= set(before(steps, "gateway"))


class TestCarryOut:
    def test_begins_nothing_that_needs_what_has_failed(self, home):
        done = []

        def fail():
            raise Refusal("The disk is full.")

        steps = [
            spec.Job(name="databases", action=fail),
            spec.Job(name="reviews.role", after=["databases"], action=lambda: done.append("role")),
            spec.Job(name="broker.queues", action=lambda: done.append("queues")),
        ]
        with pytest.raises(Refusal, match="The disk is full"):
            joining.carry_out(home, steps)

        assert done == ["queues"]
