"""A ticket's states: whatever is asked in whatever order, only what the contract draws can happen."""

import dataclasses

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import clock, errors, ids
from tests.tickets.factories import TicketFactory
from tickets_service.tickets import models

pytestmark = pytest.mark.django_db

HERS, HIS = ids.new(), ids.new()


@dataclasses.dataclass
class Drawn:
    """The drawing of contract §4, by hand: the state, and which of two orders holds the ticket."""

    status: str = "on_sale"
    holder: object = None
    version: int = 0

    def allows(self, ask, order):
        if ask in ("edit", "withdraw", "reserve"):
            return self.status == "on_sale"
        if ask == "sell":
            return self.status == "reserved" and self.holder == order
        return self.status in ("reserved", "sold") and self.holder == order

    def move(self, ask, order):
        self.version += 1
        self.status, self.holder = {
            "edit": (self.status, self.holder),
            "withdraw": ("withdrawn", None),
            "reserve": ("reserved", order),
            "sell": ("sold", order),
            "free": ("on_sale", None),
            "free under a banned seller": ("withdrawn", None),
        }[ask]


def put(ticket, ask, order):
    now = clock.now()
    if ask == "edit":
        ticket.edit({"title": "Hamlet, row G"}, now=now)
    elif ask == "withdraw":
        ticket.withdraw(now=now)
    elif ask == "reserve":
        ticket.reserve_for(order, amount_minor=ticket.amount_minor, currency=ticket.currency, now=now)
    elif ask == "sell":
        ticket.sell(order, now=now)
    else:
        ticket.free(order, seller_active=ask == "free", now=now)


ASKED = st.tuples(
    st.sampled_from(["edit", "withdraw", "reserve", "reserve", "sell", "free", "free under a banned seller"]),
    st.sampled_from([HERS, HIS]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ASKED, max_size=12))
def test_moves_as_drawn_and_refuses_everything_else_without_a_trace(asked):
    with transaction.atomic():
        ticket, drawn = TicketFactory(), Drawn()
        for ask, order in asked:
            if drawn.allows(ask, order):
                put(ticket, ask, order)
                drawn.move(ask, order)
            else:
                with pytest.raises(errors.Conflict):
                    put(ticket, ask, order)
            stored = models.Ticket.objects.get(id=ticket.id)
            assert (stored.status, stored.order_id, stored.version) == (drawn.status, drawn.holder, drawn.version)
        transaction.set_rollback(True)


class TestReserve:
    def test_holds_the_ticket_for_the_order(self):
        ticket = TicketFactory()

        ticket.reserve_for(HERS, amount_minor=1250, currency="USD", now=clock.now())

        assert ticket.is_held_by(HERS)
        assert not ticket.is_held_by(HIS)

    @pytest.mark.parametrize(("amount", "currency"), [(1251, "USD"), (1250, "EUR")])
    def test_refuses_another_price_than_the_sellers(self, amount, currency):
        ticket = TicketFactory()

        with pytest.raises(models.PriceChanged):
            ticket.reserve_for(HERS, amount_minor=amount, currency=currency, now=clock.now())

    @pytest.mark.parametrize("state", ["reserved", "sold", "withdrawn"])
    def test_names_the_state_that_forbids_it(self, state):
        ticket = TicketFactory(**{state: True})

        with pytest.raises(models.NotOnSale) as refusal:
            ticket.reserve_for(HERS, amount_minor=1250, currency="USD", now=clock.now())

        assert refusal.value.reason == state


def test_nobody_holds_a_ticket_that_nobody_holds():
    assert not TicketFactory().is_held_by(None)


def test_only_what_the_seller_describes_can_be_edited():
    with pytest.raises(ValueError, match="status"):
        TicketFactory().edit({"status": "sold"}, now=clock.now())


class TestDatabaseEvenWhenTheCodeIsWrong:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"status": "reserved"},
            {"status": "sold"},
            {"order_id": HERS},
            {"status": "withdrawn", "order_id": HERS},
            {"amount_minor": 0},
            {"amount_minor": -1},
        ],
    )
    def test_refuses_a_state_that_cannot_be(self, wrong):
        with pytest.raises(IntegrityError), transaction.atomic():
            TicketFactory(**wrong)

    def test_refuses_two_tickets_for_one_order(self):
        TicketFactory(reserved=True, order_id=HERS)

        with pytest.raises(IntegrityError), transaction.atomic():
            TicketFactory(reserved=True, order_id=HERS)
