"""What happens at once. Each race has a control in which the guard is taken away and the same test sees the damage."""

import collections
import concurrent.futures
import http.client
import json
import threading

import pytest
from django.core.servers import basehttp
from django.db import connection

from orders_service.orders import commands, models
from shared import clock, ids
from shared.contracts import users
from shared.identity import models as identity
from shared.identity import users as copies
from shared.testing import callers, deliveries, races
from tests.orders.factories import OrderFactory, TicketFactory

pytestmark = pytest.mark.django_db(transaction=True)

BUYERS, ROUNDS = 50, 20
basehttp.WSGIServer.request_queue_size = 2 * BUYERS  # the live server's; who finds it full knocks again a second later


@pytest.fixture
def without_the_index(transactional_db):
    """A scratch database in which nothing keeps a ticket from being ordered twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'one_live_order_per_ticket'")
        (definition,) = cursor.fetchone()
        cursor.execute("DROP INDEX one_live_order_per_ticket")
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE orders_order")
        cursor.execute(definition)


@pytest.fixture
def without_locks(monkeypatch):
    """Rows are read as one reads them without thinking of a second reader."""
    monkeypatch.setattr(models.OrderQuerySet, "locked", lambda rows: rows)


@pytest.fixture
def buyers(issuer):
    return [issuer.bearer(user_id=ids.new()) for _ in range(BUYERS)]


def buy_over_http(server, buyers, rounds):
    """In each round everybody orders the same new ticket at the same moment: how often which status was answered."""
    gate = threading.Barrier(len(buyers))
    tickets = [TicketFactory() for _ in range(rounds)]
    answers = [collections.Counter() for _ in tickets]
    counting = threading.Lock()

    def shop(bearer):
        for ticket, counter in zip(tickets, answers, strict=True):
            line = http.client.HTTPConnection(server.thread.host, server.thread.port, timeout=60)
            line.connect()
            gate.wait(timeout=60)
            body = json.dumps({"ticketId": str(ticket.id)})
            line.request("POST", "/api/orders", body, {**bearer, "Content-Type": "application/json"})
            status = line.getresponse().status
            line.close()
            with counting:
                counter[status] += 1

    with concurrent.futures.ThreadPoolExecutor(len(buyers)) as pool:
        for shopping in [pool.submit(shop, bearer) for bearer in buyers]:
            shopping.result(timeout=240)
    return answers


class TestFiftyBuyersAtOnce:
    @pytest.fixture(autouse=True)
    def _as_many_orders_as_they_like(self, settings):
        settings.LIVE_RESERVATIONS_PER_USER = 1000

    @pytest.mark.timeout(300)
    def test_of_one_ticket_are_one_order_and_49_refusals(self, live_server, buyers):
        answers = buy_over_http(live_server, buyers, ROUNDS)

        assert answers == [{201: 1, 409: BUYERS - 1}] * ROUNDS
        assert models.Order.objects.live().count() == ROUNDS

    def test_control_without_the_index_some_ticket_is_sold_twice(
        self, live_server, buyers, without_the_index, without_locks
    ):
        answers = buy_over_http(live_server, buyers, 3)

        assert max(counter[201] for counter in answers) > 1


def order_up_to_the_limit(bruno):
    """Five orders at once of somebody who may hold two: how many he got."""
    tickets = [TicketFactory() for _ in range(5)]

    def place(ticket):
        return lambda: bruno.post("/api/orders", {"ticketId": str(ticket.id)}).status_code

    return sorted(races.at_once(*map(place, tickets)))


class TestTheLastReservationAllowed:
    def test_goes_to_one_of_two_at_once(self, bruno, settings):
        settings.LIVE_RESERVATIONS_PER_USER = 2

        assert order_up_to_the_limit(bruno) == [201, 201, 409, 409, 409]

    def test_control_without_waiting_in_line_too_many_pass(self, bruno, settings, monkeypatch):
        settings.LIVE_RESERVATIONS_PER_USER = 2

        def count_only(user_id, most_unpaid):
            if models.Order.objects.unpaid().filter(user_id=user_id).count() >= most_unpaid:
                raise models.TooManyReservations(most_unpaid)

        monkeypatch.setattr(commands, "_demand_room_for", count_only)

        assert any(order_up_to_the_limit(callers_of(bruno)).count(201) > 2 for _ in range(100))


def callers_of(bruno):
    """The same buyer with nothing ordered yet."""
    models.Order.objects.all().delete()
    return bruno


def cancel_while_paid(rounds):
    """Each order is cancelled and paid at once; how often both were told to the others."""
    both = 0
    for _ in range(rounds):
        order = OrderFactory(awaiting=True)

        def cancel(order=order):
            try:
                commands.cancel_order(order_id=order.id, user_id=order.user_id, precondition=lambda version: None)
            except models.WrongState:
                return "too late"

        def complete(order=order):
            commands.complete_order(
                order_id=order.id, payment_id=ids.new(), amount_minor=1250, currency="USD", now=clock.now()
            )

        races.at_once(cancel, complete)
        told = {name for name, subject in deliveries.said() if subject == str(order.id)}
        both += {"order.cancelled", "order.completed"} <= told
    return both


class TestACancellationDuringPayment:
    def test_wins_or_loses_but_never_both(self):
        assert cancel_while_paid(10) == 0

    def test_control_without_the_lock_both_happen(self, without_locks):
        assert any(cancel_while_paid(5) for _ in range(100))


def order_while_banned(rounds):
    """A ban comes in while its user orders: how many orders of banned users stay alive."""
    alive = 0
    for _ in range(rounds):
        buyer, ticket = ids.new(), TicketFactory()
        identity.User.objects.create(id=buyer, email=None)
        ban = users.UserBanned(id=buyer, email=None, roles=(), active=False, tokens_valid_after=clock.now(), version=1)

        def place(buyer=buyer, ticket=ticket):
            try:
                commands.place_order(
                    ticket_id=ticket.id,
                    user_id=buyer,
                    window=commands.dt.timedelta(minutes=15),
                    most_unpaid=10,
                    now=clock.now(),
                )
            except copies.Barred:
                return "barred"

        races.at_once(place, lambda ban=ban: deliveries.hear(ban))
        alive += models.Order.objects.live().filter(user_id=buyer).count()
    return alive


class TestABanDuringAnOrder:
    def test_leaves_no_live_order(self):
        assert order_while_banned(10) == 0

    def test_control_without_holding_the_buyer_one_stays(self, monkeypatch):
        def look(user_id):
            return all(identity.User.objects.filter(id=user_id).values_list("active", flat=True))

        monkeypatch.setattr(copies, "hold_active", look)

        assert any(order_while_banned(5) for _ in range(100))


class TestOneKeyAtOnce:
    def test_has_one_effect(self, bruno):
        ticket = TicketFactory()

        def place():
            return bruno.post("/api/orders", {"ticketId": str(ticket.id)}, idempotency_key="k1")

        answers = races.at_once(*[place] * 8)

        assert {answer.status_code for answer in answers} <= {201, 409}
        refused = [answer for answer in answers if answer.status_code == 409]
        assert {callers.code(answer, 409) for answer in refused} <= {"still_running"}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        assert models.Order.objects.count() == 1
        assert place().status_code == 201
