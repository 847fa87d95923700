"""What each command does, what it tells the others, and what it quietly lets be."""

import pytest

from shared import clock, errors, ids
from shared.contracts import orders
from shared.messaging import models as messaging
from shared.testing import deliveries
from tests.contracts import samples
from tests.tickets.factories import TicketFactory
from tickets_service.tickets import commands, models

pytestmark = pytest.mark.django_db

HERS, HIS = ids.new(), ids.new()


def reserve(ticket, order=HERS, amount_minor=1250, currency="USD"):
    commands.reserve_ticket(
        ticket_id=ticket.id, order_id=order, amount_minor=amount_minor, currency=currency, now=clock.now()
    )


def release(ticket, order=HERS):
    commands.release_ticket(ticket_id=ticket.id, order_id=order, now=clock.now())


def sell(ticket, order=HERS):
    commands.sell_ticket(ticket_id=ticket.id, order_id=order, now=clock.now())


def give_back(ticket, order=HERS, *, relist=True):
    commands.return_ticket(ticket_id=ticket.id, order_id=order, relist=relist, now=clock.now())


def stored(ticket):
    return models.Ticket.objects.get(id=ticket.id)


def spoken():
    """What was said last: its type and data."""
    event = messaging.OutboxEvent.objects.latest("id")
    return event.type, event.data


class TestReserveTicket:
    def test_holds_it_and_says_for_whom(self):
        hamlet = TicketFactory()

        reserve(hamlet)

        assert stored(hamlet).is_held_by(HERS)
        kind, data = spoken()
        assert (kind, data["orderId"], data["status"], data["version"]) == ("ticket.reserved", str(HERS), "reserved", 1)

    def test_for_the_order_that_has_it_is_quiet(self):
        hamlet = TicketFactory()
        reserve(hamlet)

        reserve(hamlet)

        assert len(deliveries.said()) == 1

    @pytest.mark.parametrize("status", ["reserved", "sold", "withdrawn"])
    def test_tells_the_order_why_it_cannot_have_it(self, status):
        hamlet = TicketFactory(**{status: True})

        reserve(hamlet)

        refusal = {"ticketId": str(hamlet.id), "orderId": str(HERS), "reason": status}
        assert spoken() == ("ticket.reservation_refused", refusal)
        assert deliveries.said() == [("ticket.reservation_refused", str(HERS))]
        assert stored(hamlet).version == hamlet.version

    def test_tells_of_a_ticket_that_does_not_exist(self):
        reserve(models.Ticket(id=samples.HAMLET))

        assert spoken()[1]["reason"] == "unknown"

    @pytest.mark.parametrize("seen", [{"amount_minor": 1249}, {"amount_minor": 1251}, {"currency": "EUR"}])
    def test_refuses_only_another_price_whatever_else_was_edited(self, seen):
        hamlet = TicketFactory(version=5)

        reserve(hamlet, **seen)
        assert spoken()[1].get("reason") == "price_changed"

        reserve(hamlet)
        assert spoken()[0] == "ticket.reserved"

    def test_refuses_what_a_banned_seller_still_seems_to_offer(self, olivia):
        olivia.is_banned()
        hamlet = TicketFactory(user_id=olivia.id)

        reserve(hamlet)

        assert spoken()[1]["reason"] == "withdrawn"
        assert stored(hamlet).order_id is None


class TestReleaseTicket:
    def test_puts_it_on_sale_again(self):
        hamlet = TicketFactory(reserved=True, order_id=HERS)

        release(hamlet)

        assert (stored(hamlet).status, stored(hamlet).order_id) == ("on_sale", None)
        assert deliveries.said() == [("ticket.released", str(hamlet.id))]

    def test_never_frees_what_somebody_else_has_reserved_since(self):
        hamlet = TicketFactory(reserved=True, order_id=HIS)

        release(hamlet)

        assert stored(hamlet).is_held_by(HIS)
        assert deliveries.said() == []

    @pytest.mark.parametrize("past", [{}, {"sold": True, "order_id": HERS}, {"withdrawn": True}])
    def test_lets_be_what_is_past_it(self, past):
        hamlet = TicketFactory(**past)

        release(hamlet)

        assert stored(hamlet).version == hamlet.version
        assert deliveries.said() == []

    def test_of_a_ticket_nobody_knows_is_quiet(self):
        release(models.Ticket(id=samples.HAMLET))

        assert deliveries.said() == []

    def test_under_a_banned_seller_withdraws_it(self, olivia):
        hamlet = TicketFactory(reserved=True, order_id=HERS, user_id=olivia.id)
        olivia.is_banned()
        assert stored(hamlet).status == "reserved"

        release(hamlet)

        assert (stored(hamlet).status, stored(hamlet).order_id) == ("withdrawn", None)
        assert deliveries.said() == [("ticket.withdrawn", str(hamlet.id))]


class TestSellTicket:
    def test_gives_it_to_the_order_that_has_it(self):
        hamlet = TicketFactory(reserved=True, order_id=HERS)

        sell(hamlet)
        sell(hamlet)

        assert stored(hamlet).status == "sold"
        assert deliveries.said() == [("ticket.sold", str(hamlet.id))]

    @pytest.mark.parametrize("other", [{}, {"reserved": True, "order_id": HIS}, {"withdrawn": True}])
    def test_lets_be_what_another_or_nobody_has(self, other):
        hamlet = TicketFactory(**other)

        sell(hamlet)

        assert stored(hamlet).version == hamlet.version
        assert deliveries.said() == []

    def test_keeps_the_promise_of_a_seller_banned_meanwhile(self, olivia):
        hamlet = TicketFactory(reserved=True, order_id=HERS, user_id=olivia.id)
        olivia.is_banned()

        sell(hamlet)

        assert stored(hamlet).status == "sold"


class TestReturnTicket:
    @pytest.mark.parametrize("status", ["reserved", "sold"])
    def test_puts_it_on_sale_again_if_the_refund_says_so(self, status):
        hamlet = TicketFactory(**{status: True}, order_id=HERS)

        give_back(hamlet)

        assert stored(hamlet).status == "on_sale"
        assert spoken()[0] == "ticket.released"

    @pytest.mark.parametrize(("status", "said"), [("reserved", ["ticket.sold"]), ("sold", [])])
    def test_otherwise_leaves_it_sold(self, status, said):
        hamlet = TicketFactory(**{status: True}, order_id=HERS)

        give_back(hamlet, relist=False)

        assert stored(hamlet).status == "sold"
        assert [name for name, _ in deliveries.said()] == said

    def test_of_somebody_elses_order_changes_nothing(self):
        hamlet = TicketFactory(sold=True, order_id=HIS)

        give_back(hamlet)

        assert stored(hamlet).is_held_by(HIS)

    def test_under_a_closed_seller_withdraws_it(self, olivia):
        olivia.closes_the_account()
        hamlet = TicketFactory(sold=True, order_id=HERS, user_id=olivia.id)

        give_back(hamlet)

        assert stored(hamlet).status == "withdrawn"


class TestBans:
    @pytest.mark.parametrize("end", ["is_banned", "closes_the_account"])
    def test_withdraw_what_is_on_sale_and_nothing_else(self, olivia, bruno, end):
        offered = TicketFactory.create_batch(2, user_id=olivia.id)
        promised = [TicketFactory(user_id=olivia.id, reserved=True), TicketFactory(user_id=olivia.id, sold=True)]
        others = TicketFactory(user_id=bruno.id)

        getattr(olivia.is_known(), end)()

        assert {stored(ticket).status for ticket in offered} == {"withdrawn"}
        assert [stored(ticket).status for ticket in promised] == ["reserved", "sold"]
        assert stored(others).status == "on_sale"
        assert sorted(deliveries.said()) == sorted(("ticket.withdrawn", str(ticket.id)) for ticket in offered)

    def test_forbid_new_offers(self, olivia):
        olivia.is_banned()

        with pytest.raises(errors.Forbidden):
            commands.offer_ticket(user_id=olivia.id, title="Othello", amount_minor=900, currency="USD", now=clock.now())

    def test_of_a_buyer_touch_no_ticket(self, bruno):
        hamlet = TicketFactory(id=samples.HAMLET)
        deliveries.hear(samples.sample(orders.OrderCreated, user_id=bruno.id))

        bruno.is_banned()

        assert stored(hamlet).status == "reserved"


def test_a_seller_whom_nobody_has_heard_of_yet_may_sell(olivia):
    commands.offer_ticket(user_id=olivia.id, title="Othello", amount_minor=900, currency="USD", now=clock.now())

    assert [name for name, _ in deliveries.said()] == ["ticket.created"]
