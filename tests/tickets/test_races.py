"""What happens at once. Each race has a control in which the guard is taken away and the same test sees the damage."""

import pytest

from shared import clock, ids
from shared.contracts import users
from shared.identity import models as identity
from shared.identity import users as copies
from shared.testing import callers, deliveries, races
from tests.tickets.factories import TicketFactory
from tickets_service.tickets import commands, models

pytestmark = pytest.mark.django_db(transaction=True)

HAMLET = {"title": "Hamlet, row F", "price": 12.5}
AT_ONCE = 10


@pytest.fixture
def without_locks(monkeypatch):
    """Rows are read as one reads them without thinking of a second reader."""
    monkeypatch.setattr(models.TicketQuerySet, "locked", lambda rows: rows)


def reserve_at_once():
    """Ten orders want one ticket at the same moment: how many are told that they have it, and who is refused."""
    ticket = TicketFactory()

    def reserve(order_id):
        return lambda: commands.reserve_ticket(
            ticket_id=ticket.id, order_id=order_id, amount_minor=1250, currency="USD", now=clock.now()
        )

    orders = [ids.new() for _ in range(AT_ONCE)]
    races.at_once(*map(reserve, orders))
    told = deliveries.said()
    reserved = [subject for name, subject in told if name == "ticket.reserved" and subject == str(ticket.id)]
    refused = {subject for name, subject in told if name == "ticket.reservation_refused"} & set(map(str, orders))
    return len(reserved), len(refused)


class TestTenReservationsAtOnce:
    def test_are_one_holder_and_nine_refusals(self):
        for _ in range(5):
            assert reserve_at_once() == (1, AT_ONCE - 1)

    def test_control_without_the_lock_the_ticket_is_promised_twice(self, without_locks):
        assert any(reserve_at_once()[0] > 1 for _ in range(100))


def edit_at_once(olivia):
    """Ten edits of the version that all of them have read."""
    ticket = TicketFactory(user_id=olivia.id)

    def edit(row):
        body = {**HAMLET, "title": f"Hamlet, row {row}"}
        return lambda: olivia.put(f"/api/tickets/{ticket.id}", body, if_match='"0"').status_code

    return sorted(races.at_once(*map(edit, range(AT_ONCE))))


class TestTenEditsAtOnce:
    def test_of_one_version_are_one_change(self, olivia):
        assert edit_at_once(olivia) == [200] + [412] * (AT_ONCE - 1)
        assert models.Ticket.objects.get().version == 1

    def test_control_without_the_lock_edits_are_lost(self, olivia, without_locks):
        assert any(edit_at_once(olivia).count(200) > 1 for _ in range(100))


class TestOneKeyAtOnce:
    def test_has_one_effect_and_nobody_waits(self, olivia):
        answers = races.at_once(*[lambda: olivia.post("/api/tickets", HAMLET, idempotency_key="k1")] * 8)

        refused = [answer for answer in answers if answer.status_code != 201]
        assert {callers.code(answer, 409) for answer in refused} <= {"still_running"}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        assert models.Ticket.objects.count() == 1
        assert len(deliveries.said()) == 1


def while_banned(act, rounds=10):
    """`act` on a seller's ticket while his ban comes in: how many offers of banned sellers are left on sale."""
    left = 0
    for _ in range(rounds):
        seller, order = ids.new(), ids.new()
        identity.User.objects.create(id=seller, email=None)
        held = TicketFactory(user_id=seller, reserved=True, order_id=order)
        barred = {"active": False, "tokens_valid_after": clock.now(), "version": 1}
        ban = users.UserBanned(id=seller, email=None, roles=(), **barred)

        races.at_once(
            lambda seller=seller, held=held, order=order: act(seller, held, order),
            lambda ban=ban: deliveries.hear(ban),
        )
        left += models.Ticket.objects.on_sale().filter(user_id=seller).count()
    return left


def offer(seller, _held, _order):
    try:
        commands.offer_ticket(user_id=seller, title="Othello", amount_minor=900, currency="USD", now=clock.now())
    except copies.Barred:
        return "barred"


def release(_seller, held, order):
    commands.release_ticket(ticket_id=held.id, order_id=order, now=clock.now())


@pytest.fixture
def without_holding_the_seller(monkeypatch):
    """Whether a seller may sell is looked up, and may change while one acts upon it."""

    def look(user_id):
        return all(identity.User.objects.filter(id=user_id).values_list("active", flat=True))

    monkeypatch.setattr(copies, "hold_active", look)


@pytest.mark.parametrize("act", [offer, release])
class TestABanAtTheSameMoment:
    def test_leaves_no_offer_of_the_banned_on_sale(self, act):
        assert while_banned(act) == 0

    def test_control_without_holding_the_seller_one_stays(self, act, without_holding_the_seller):
        assert any(while_banned(act) for _ in range(100))
