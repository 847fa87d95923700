"""What `events` shows, without a market: whom it picks, how a tree grows, when something is shown, and how."""

import datetime as dt
import itertools
import json
import uuid

import pytest

from deploy.local import cli
from deploy.local.events import said, showing, tail, tree, wishes
from deploy.local.refusals import Refusal

NOON = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
TICKET, ORDER, PAYMENT = (str(uuid.UUID(int=number, version=4)) for number in (1, 2, 3))
_rows = itertools.count(1)


def event(type_, subject, *, ms=0, cause=None, heard=(), service="", **data):
    """Something said so many milliseconds after noon, and heard by these, each a millisecond after the other."""
    row = next(_rows)
    at = NOON + dt.timedelta(milliseconds=ms)
    inboxes = [said.Heard(by, "applied", at + dt.timedelta(milliseconds=n)) for n, by in enumerate(heard, start=1)]
    return said.Said(
        service=service or f"{type_.partition('.')[0]}s", row=row, id=uuid.uuid4(), type=type_, subject=subject,
        version=1, epoch=1, position=row, cause=cause and cause.id, request=None, at=at, sent=True, data=data,
        heard=tuple(inboxes),
    )  # fmt: skip


def branches(*events):
    """Each event's type with that of its parent."""
    hops = tree.grow(events)
    types = {hop.event.id: hop.event.type for hop in hops}
    return [(hop.event.type, types.get(hop.parent)) for hop in hops]


class TestTree:
    def test_of_a_purchase_has_causes_above_and_hangs_the_rest_below_what_came_before(self):
        created = event("order.created", ORDER, ms=0, ticketId=TICKET)
        reserved = event("ticket.reserved", TICKET, ms=10, cause=created, orderId=ORDER)
        confirmed = event("order.confirmed", ORDER, ms=20, cause=reserved, ticketId=TICKET)
        authorized = event("payment.authorized", PAYMENT, ms=500, orderId=ORDER)
        completed = event("order.completed", ORDER, ms=510, cause=authorized, ticketId=TICKET)
        sold = event("ticket.sold", TICKET, ms=520, cause=completed, orderId=ORDER)
        captured = event("payment.captured", PAYMENT, ms=530, orderId=ORDER)

        assert branches(captured, sold, completed, authorized, confirmed, reserved, created) == [
            ("order.created", None),
            ("ticket.reserved", "order.created"),
            ("order.confirmed", "ticket.reserved"),
            ("payment.authorized", "order.confirmed"),
            ("order.completed", "payment.authorized"),
            ("ticket.sold", "order.completed"),
            ("payment.captured", "order.completed"),
        ]

    def test_has_a_root_for_each_beginning(self):
        offered = event("ticket.created", TICKET)
        created = event("order.created", ORDER, ms=5, ticketId=TICKET)

        assert branches(offered, created) == [("ticket.created", None), ("order.created", None)]

    def test_counts_the_time_from_the_root(self):
        created = event("order.created", ORDER, ms=100)
        expired = event("order.expired", ORDER, ms=350)

        first, second = tree.grow([created, expired])

        assert (first.since_root, second.since_root) == (0, 250)
        assert second.root == created

    def test_hangs_what_has_lost_its_cause_below_what_came_before(self):
        created = event("order.created", ORDER)
        elsewhere = event("user.banned", "somebody", ms=3)
        cancelled = event("order.cancelled", ORDER, ms=5, cause=elsewhere)

        assert branches(created, cancelled) == [("order.created", None), ("order.cancelled", "order.created")]

    def test_shows_all_though_a_clock_puts_an_answer_before_its_question(self):
        reserved_early = event("ticket.reserved", ORDER, ms=-1000)
        created = event("order.created", ORDER, ms=0)
        answer = event("ticket.reservation_refused", ORDER, ms=-500, cause=created)

        assert branches(answer, created) == [
            ("order.created", None),
            ("ticket.reservation_refused", "order.created"),
        ]
        assert len(branches(reserved_early, answer, created)) == 3

    def test_is_as_deep_as_it_has_to_be(self):
        edits = [event("ticket.updated", TICKET, ms=number) for number in range(1500)]

        assert len(tree.grow(edits)[-1].lasts) == 1499

    def test_is_drawn_with_rails(self):
        created = event("order.created", ORDER)
        reserved = event("ticket.reserved", TICKET, ms=1, cause=created)
        sold = event("ticket.sold", TICKET, ms=2, cause=reserved)
        seen = event("ticket.reservation_refused", ORDER, ms=3, cause=created)

        drawn = [showing.branch(hop).plain for hop in tree.grow([created, reserved, sold, seen])]

        assert [line.partition(".")[0] for line in drawn] == [
            "orders order",
            "├── tickets ticket",
            "│   └── tickets ticket",
            "└── tickets ticket",
        ]
        assert "+2 ms" in drawn[2]


class TestWish:
    def test_is_for_every_type_of_a_pattern(self):
        wish = wishes.parse(type_="payment.re*", aggregate=None, request=None)

        assert wish.types == ("payment.refunded",)

    @pytest.mark.parametrize(
        ("wish", "what"),
        [
            ({"type_": "play.*"}, "there are: order.cancelled"),
            ({"type_": ""}, "there are: "),
            ({"aggregate": "hamlet"}, "wanted whole"),
            ({"request": ""}, "X-Request-ID"),
            ({"request": "a\x00b"}, "X-Request-ID"),
        ],
    )
    def test_for_what_cannot_be_is_refused(self, wish, what):
        with pytest.raises(Refusal) as refused:
            wishes.parse(**{"type_": None, "aggregate": None, "request": None, **wish})

        assert what in str(refused.value)

    @pytest.mark.parametrize(
        "line",
        [
            ["--tree"],
            ["--tree", "--request", "r", "-f"],
            ["--tree", "--request", "r", "--type", "order.*"],
            ["-n", "-1"],
            ["--aggregate", "hamlet"],
            [],
        ],
    )
    def test_is_refused_in_the_terminal_with_what_to_do(self, home, monkeypatch, capsys, line):
        monkeypatch.setenv("ADMIT_ONE_HOME", str(home.path))

        assert cli.main(["events", *line]) == 1

        assert "  do:  " in capsys.readouterr().err


class TestMasked:
    @pytest.mark.parametrize(
        ("address", "left"),
        [("olivia@example.com", "o…@example.com"), ('"a@b"@example.com', '"…@example.com'), ("olivia", "…")],
    )
    def test_addresses_keep_a_letter_and_the_domain(self, address, left):
        assert said.masked({"email": address, "active": True}) == {"email": left, "active": True}

    def test_one_that_was_erased_stays_so(self):
        assert said.masked({"email": None}) == {"email": None}


class TestRipe:
    def test_is_what_all_who_listen_have_heard(self):
        heard = event("order.created", ORDER, heard=("tickets", "payments"))

        assert tail.ripe([heard], since={heard.id: 10.0}, now=10.0) == [heard]

    def test_is_not_yet_what_somebody_may_still_hear_nor_what_comes_after_it(self):
        half = event("order.created", ORDER, ms=0, heard=("tickets",))
        later = event("order.expired", ORDER, ms=1, heard=("tickets", "payments"))
        since = {half.id: 10.0, later.id: 10.0}

        assert tail.ripe([later, half], since=since, now=11.9) == []
        assert tail.ripe([later, half], since=since, now=12.1) == [half, later]


class TestShowing:
    def test_a_line_tells_who_has_heard_it_when_and_who_has_not(self):
        shown = showing.line(event("order.created", ORDER, heard=("tickets",), status="created")).plain

        assert shown.startswith("12:00:00.000  orders")
        assert f"…{ORDER[-8:]}" in shown
        assert "tickets applied 1 ms, payments not yet" in shown

    def test_brackets_in_what_is_said_are_only_text(self):
        assert "[red]" in showing.line(event("order.cancelled", ORDER, reason="[red]")).plain

    def test_json_has_everything(self):
        told = json.loads(showing.as_json(event("order.created", ORDER, heard=("tickets",), status="created")))

        assert told["heard"] == [{"by": "tickets", "outcome": "applied", "ms": 1}]
        assert told["unheardBy"] == ["payments"]
        assert (told["time"], told["state"]) == ("2026-11-24T12:00:00.000Z", "created")
        assert told["data"] == {"status": "created"}

    @pytest.mark.parametrize(
        ("data", "state"), [({"active": False}, "inactive"), ({"reason": "ticket_taken"}, "ticket_taken"), ({}, "")]
    )
    def test_the_state_is_what_the_event_has_of_one(self, data, state):
        assert event("x.y", "z", **data).state == state
