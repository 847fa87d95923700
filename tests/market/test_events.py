"""`manage_all.py events` and the flow in `status`, on a market in which people buy."""

import contextlib
import json
import os
import subprocess
import sys
import uuid

import psycopg
import pytest

from deploy.local import homes
from deploy.local.events import connections, reading, tail, wishes
from shared import ids
from shared.contracts import envelope, tickets
from shared.testing import waiting

HOPS = {
    "order.created": None,
    "ticket.reserved": "order.created",
    "order.confirmed": "ticket.reserved",
    "payment.authorized": "order.confirmed",
    "order.completed": "payment.authorized",
    "ticket.sold": "order.completed",
    "payment.captured": "order.completed",
}
REFUSED = tickets.ReservationRefused
_SAY = "INSERT INTO messaging_outboxevent (event_id, type, dataschema, subject, data) VALUES (%s, %s, %s, %s, %s)"


@pytest.fixture
def commanded(market):
    """`commanded("events", "--json")`: what the command has done."""

    def run(*line):
        return subprocess.run(
            [sys.executable, "manage_all.py", *line],
            cwd=homes.ROOT,
            env={**os.environ, "ADMIT_ONE_HOME": str(market.home)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def events(commanded):
    """`events("--type", "order.*")`: the objects that are shown."""

    def shown(*line):
        done = commanded("events", "--json", *line)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return [json.loads(row) for row in done.stdout.splitlines()]

    return shown


@pytest.fixture
def purchase(olivia, bruno, behind):
    """A purchase that is through, and that everybody has heard of: its ticket, order and payment."""
    ticket = olivia.offers()
    order = bruno.has_ordered(ticket)
    payment = bruno.has_paid(order)
    bruno.sees_payment(payment, "captured")
    behind.waits_for_row("orders", "orders_ticket", id=ticket["id"], status="sold")
    captured = "SELECT 1 FROM messaging_inboxevent WHERE event_id = %s"
    (said,) = behind.run("payments", "SELECT event_id FROM messaging_outboxevent WHERE type = 'payment.captured' "
                                     "AND subject = %s", payment["id"])  # fmt: skip
    waiting.until(lambda: behind.run("orders", captured, said["event_id"]), what="orders to hear of the capture")
    return ticket, order, payment


class TestTree:
    def test_follows_a_purchase_through_all_services(self, purchase, events):
        _, order, _ = purchase

        shown = events("--tree", "--aggregate", order["id"])

        types = {event["id"]: event["type"] for event in shown}
        assert {event["type"]: types.get(event["parent"]) for event in shown} == HOPS
        assert len(shown) == len(HOPS)
        by_type = {event["type"]: event for event in shown}
        heard = {row["by"]: row["outcome"] for row in by_type["order.completed"]["heard"]}
        assert heard == {"tickets": "applied", "payments": "applied"}
        assert all(event["msSinceRoot"] >= 0 for event in shown)

    @pytest.mark.parametrize("which", [0, 2], ids=["ticket", "payment"])
    def test_is_found_from_its_ticket_and_its_payment_as_well(self, purchase, events, which):
        shown = events("--tree", "--aggregate", purchase[which]["id"])

        assert HOPS.keys() <= {event["type"] for event in shown}

    def test_grows_from_a_request_as_far_as_its_effects_go(self, olivia, bruno, events):
        ticket = olivia.offers()
        answer = bruno.orders(ticket)
        bruno.sees_order(answer.json(), "awaiting_payment")

        shown = events("--tree", "--request", answer.headers["x-request-id"])

        assert [event["type"] for event in shown] == ["order.created", "ticket.reserved", "order.confirmed"]
        assert [event["depth"] for event in shown] == [0, 1, 2]

    def test_is_drawn_for_people(self, purchase, commanded):
        done = commanded("events", "--tree", "--aggregate", purchase[1]["id"])

        assert done.returncode == 0, done.stderr
        first, *others = done.stdout.splitlines()
        assert first.startswith("orders order.created created")
        assert len(others) == len(HOPS) - 1
        assert all("── " in line and " ms" in line for line in others)


class TestEvents:
    def test_are_picked_by_type_and_aggregate(self, purchase, events):
        ticket, order, _ = purchase

        shown = events("--type", "order.*", "--aggregate", ticket["id"])

        assert [event["type"] for event in shown] == ["order.created", "order.confirmed", "order.completed"]
        assert {event["subject"] for event in shown} == {order["id"]}

    def test_of_a_user_are_also_those_that_name_the_user(self, purchase, bruno, events):
        services = {event["service"] for event in events("--aggregate", bruno.id)}

        assert services == {"auth", "orders", "payments"}

    def test_are_the_last_so_many(self, purchase, commanded):
        done = commanded("events", "-n", "3")

        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1 + 3

    def test_show_nobodys_address(self, bruno, commanded):
        done = commanded("events", "--json", "--aggregate", bruno.id)

        assert "user.registered" in done.stdout
        assert "b…@example.com" in done.stdout
        assert bruno.email not in done.stdout

    def test_of_what_does_not_exist_are_refused(self, commanded):
        for line in (("--aggregate", str(uuid.uuid4())), ("--tree", "--request", "never")):
            done = commanded("events", *line)

            assert done.returncode == 1
            assert done.stderr.startswith("Nothing of that was said.")


class TestTail:
    def test_shows_an_event_that_is_committed_after_a_later_one_was_shown(self, behind):
        databases = connections.Databases(behind.dsns)
        following = tail.Tail(databases, wish=wishes.parse(type_=REFUSED.TYPE, aggregate=None, request=None))
        shown = []

        def shows(event):
            shown.extend(one.id for one in following.look())
            return event in shown

        with contextlib.closing(databases), psycopg.connect(behind.dsns["tickets"]) as late:
            slow, quick = verdict(), verdict()
            late.execute(_SAY, slow)
            behind.run("tickets", _SAY, *quick)
            behind.run("tickets", "NOTIFY outbox")
            waiting.until(lambda: shows(quick[0]), what="the quick one")
            (newest,) = behind.run("tickets", "SELECT id FROM messaging_outboxevent WHERE event_id = %s", quick[0])
            late.commit()
            above = reading.since(databases, service="tickets", wish=wishes.Wish(), after=newest["id"])
            waiting.until(lambda: shows(slow[0]), what="the slow one")

        assert [one for one in shown if one in (quick[0], slow[0])] == [quick[0], slow[0]]
        assert slow[0] not in [one.id for one in above], "whoever reads on from the newest row would have seen it too"


class TestStatus:
    def test_tells_what_flows_in_a_market_that_is_well(self, purchase, commanded):
        def flowing():
            rows = json.loads(commanded("status", "--json").stdout)["flow"]
            return rows if not any(row["unsent"] or any(row["lag"].values()) for row in rows) else None

        rows = {row["service"]: row for row in waiting.until(flowing, seconds=30, what="all to be followed")}

        assert {name: set(row["lag"]) for name, row in rows.items()} == {
            "auth": set(),
            "tickets": {"auth", "orders"},
            "orders": {"auth", "tickets", "payments"},
            "payments": {"auth", "orders"},
        }

    def test_tells_who_is_away_and_of_the_others_the_rest(self, commanded, without):
        with without("payments.postgres"):
            status = commanded("status", "--json")
            events = commanded("events", "-n", "1")

        rows = {row["service"]: row for row in json.loads(status.stdout)["flow"]}
        assert {name for name, row in rows.items() if row["away"]} == {"payments"}
        assert rows["orders"]["unsent"] is not None
        assert (status.returncode, events.returncode) == (0, 0)
        assert "the database of payments is away" in events.stderr


def verdict():
    """The columns of one on an order that does not exist: nobody has anything to do."""
    order, ticket = str(uuid.uuid4()), str(uuid.uuid4())
    data = json.dumps({"orderId": order, "ticketId": ticket, "reason": "ticket_taken"})
    return ids.new(), REFUSED.TYPE, envelope.schema_urn(REFUSED), order, data
