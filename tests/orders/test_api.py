"""What buyers are told over HTTP: every success and every refusal of the contract."""

import datetime as dt

import pytest

from orders_service.orders import models
from shared import clock, ids
from shared.contracts import payments, tickets
from shared.testing import callers, deliveries
from tests.contracts import samples
from tests.orders.factories import OrderFactory, TicketFactory

pytestmark = pytest.mark.django_db

MEMBERS = {"id", "userId", "status", "expiresAt", "ticket", "version", "createdAt"}


def address(order):
    return f"/api/orders/{getattr(order, 'id', order)}"


def place(who, ticket, **headers):
    return who.post("/api/orders", {"ticketId": str(getattr(ticket, "id", ticket))}, **headers)


def stored(order):
    return models.Order.objects.get(id=order.id)


@pytest.fixture
def hamlet(olivia):
    return TicketFactory(user_id=olivia.id, version=3)


class TestPlace:
    def test_answers_with_the_order_and_where_it_is(self, bruno, hamlet):
        answer = place(bruno, hamlet)

        order = answer.json()
        assert answer.status_code == 201
        assert set(order) == MEMBERS
        assert order["ticket"] == {
            "id": str(hamlet.id),
            "title": "Hamlet, row F",
            "price": 12.5,
            "currency": "USD",
            "version": 3,
        }
        assert (order["status"], order["version"], order["userId"]) == ("created", 0, str(bruno.id))
        assert answer["Location"] == address(order["id"])
        assert answer["ETag"] == '"0"'
        assert bruno.get(answer["Location"]).json() == order
        assert deliveries.said() == [("order.created", order["id"])]

    def test_opens_a_window_of_fifteen_minutes_by_the_databases_clock(self, bruno, hamlet):
        order = place(bruno, hamlet).json()

        made, ends = (dt.datetime.fromisoformat(order[name]) for name in ("createdAt", "expiresAt"))
        assert ends - made == dt.timedelta(minutes=15)
        assert abs(clock.now() - made) < dt.timedelta(seconds=30)

    def test_opens_the_window_that_is_set(self, bruno, hamlet, settings):
        settings.ORDER_WINDOW = dt.timedelta(seconds=7)

        order = models.Order.objects.get(id=place(bruno, hamlet).json()["id"])

        assert order.expires_at - order.created_at == dt.timedelta(seconds=7)

    @pytest.mark.parametrize(("amount", "currency", "price"), [(1250, "JPY", 1250), (1234, "KWD", 1.234)])
    def test_shows_the_price_in_its_currency(self, bruno, amount, currency, price):
        ticket = place(bruno, TicketFactory(amount_minor=amount, currency=currency)).json()["ticket"]

        assert (ticket["price"], ticket["currency"]) == (price, currency)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"ticketId": None},
            {"ticketId": ""},
            {"ticketId": "hamlet"},
            {"ticketId": 5},
            {"ticketId": True},
            {"ticketId": [str(samples.HAMLET)]},
            {"ticketId": {"id": str(samples.HAMLET)}},
            {"ticketId": f"urn:uuid:{samples.HAMLET}"},
            {"ticketId": samples.HAMLET.hex},
            {"ticketId": f"{{{samples.HAMLET}}}"},
            {"ticketId": "٣" * 32},
            {"ticket_id": str(samples.HAMLET)},
        ],
    )
    def test_refuses_what_is_no_id(self, bruno, body):
        TicketFactory(id=samples.HAMLET)

        assert callers.blamed(bruno.post("/api/orders", body)) == {"ticketId"}

    @pytest.mark.parametrize(
        "body", ["", "[]", "{", '{"ticketId": "\\u0000"}', '{"ticketId": "\\ud800"}', "[" * 10_000]
    )
    def test_refuses_what_is_no_proper_json(self, bruno, body):
        callers.problem(bruno.post("/api/orders", body), 400)

    def test_needs_credentials_before_anything_else(self, nobody, hamlet):
        callers.problem(place(nobody, hamlet), 401)
        callers.problem(nobody.post("/api/orders", "{"), 401)
        callers.problem(nobody.post("/api/orders", "x", content_type="text/plain"), 401)

    def test_refuses_a_ticket_that_nobody_knows(self, bruno):
        assert callers.code(place(bruno, ids.new()), 404) == "unknown_ticket"

    def test_refuses_ones_own_ticket_whatever_its_state(self, olivia):
        for status in ("on_sale", "sold"):
            assert callers.code(place(olivia, TicketFactory(user_id=olivia.id, status=status)), 403) == "own_ticket"

    @pytest.mark.parametrize(
        ("status", "code"), [("reserved", "ticket_taken"), ("sold", "not_on_sale"), ("withdrawn", "not_on_sale")]
    )
    def test_refuses_a_ticket_that_is_not_on_sale(self, bruno, status, code):
        assert callers.code(place(bruno, TicketFactory(status=status)), 409) == code

    @pytest.mark.parametrize("state", [{}, {"awaiting": True}, {"complete": True}])
    def test_refuses_a_ticket_with_a_live_order_though_the_copy_says_on_sale(self, bruno, hamlet, state):
        OrderFactory(ticket_id=hamlet.id, **state)

        assert callers.code(place(bruno, hamlet), 409) == "ticket_taken"

    @pytest.mark.parametrize("ended", ["cancelled", "expired", "refunded"])
    def test_takes_a_ticket_whose_order_came_to_nothing(self, bruno, hamlet, ended):
        OrderFactory(ticket_id=hamlet.id, **{ended: True})

        assert place(bruno, hamlet).status_code == 201

    def test_tells_who_was_refused_as_reserved_to_try_again(self, bruno, hamlet):
        OrderFactory(ticket_id=hamlet.id)

        (error,) = callers.problem(place(bruno, hamlet), 409)

        assert "Try again" in error["message"]

    def test_refuses_a_banned_buyer_whose_token_still_lives(self, bruno, hamlet):
        bruno.is_banned()

        assert callers.code(place(bruno, hamlet), 403) == "barred"
        callers.problem(place(bruno, ids.new()), 404)

    def test_refuses_too_many_live_reservations(self, bruno, olivia, hamlet, settings):
        settings.LIVE_RESERVATIONS_PER_USER = 2
        OrderFactory(user_id=bruno.id)
        OrderFactory(user_id=bruno.id, awaiting=True)

        assert callers.code(place(bruno, hamlet), 409) == "too_many_reservations"

    def test_counts_no_paid_or_ended_orders_and_nobody_elses(self, bruno, hamlet, settings):
        settings.LIVE_RESERVATIONS_PER_USER = 1
        for state in ("complete", "cancelled", "expired", "refunded"):
            OrderFactory(user_id=bruno.id, **{state: True})
        OrderFactory()

        assert place(bruno, hamlet).status_code == 201

    def test_refuses_another_sites_form(self, issuer, nobody, hamlet):
        issuer.sign_in(nobody.client)

        callers.problem(place(nobody, hamlet, sec_fetch_site="cross-site"), 403)
        assert place(nobody, hamlet, sec_fetch_site="same-origin").status_code == 201

    def test_refuses_other_content_and_methods(self, bruno):
        callers.problem(bruno.post("/api/orders", "ticketId=1", content_type="text/plain"), 415)
        callers.problem(bruno.put("/api/orders", {}), 405)


class TestIdempotencyKey:
    def test_gives_the_same_order_again(self, bruno, hamlet):
        first = place(bruno, hamlet, idempotency_key="k1")
        again = place(bruno, hamlet, idempotency_key="k1")

        assert (again.status_code, again.json()) == (201, first.json())
        assert again["Idempotency-Replayed"] == "true"
        assert again["Location"] == first["Location"]
        assert len(deliveries.said()) == 1

    def test_refuses_another_body(self, bruno, hamlet):
        place(bruno, hamlet, idempotency_key="k1")

        callers.problem(place(bruno, TicketFactory(), idempotency_key="k1"), 422)

    @pytest.mark.parametrize(
        ("status", "make"),
        [
            (403, lambda who: TicketFactory(user_id=who.id)),
            (404, lambda who: samples.HAMLET),
            (409, lambda who: TicketFactory(status="sold")),
        ],
    )
    def test_gives_a_decided_refusal_again_though_it_would_succeed_now(self, bruno, status, make):
        ticket = make(bruno)
        first = place(bruno, ticket, idempotency_key="k1")
        models.Ticket.objects.all().delete()
        TicketFactory(id=getattr(ticket, "id", ticket))

        again = place(bruno, ticket, idempotency_key="k1")

        assert callers.problem(again, status) == callers.problem(first, status)
        assert again["Idempotency-Replayed"] == "true"
        assert not models.Order.objects.exists()

    def test_keeps_no_refusal_that_the_client_can_mend(self, bruno, hamlet):
        callers.problem(bruno.post("/api/orders", {}, idempotency_key="k1"), 400)

        assert place(bruno, hamlet, idempotency_key="k1").status_code == 201


class TestShow:
    def test_is_for_the_buyer_alone(self, bruno, olivia, nobody, issuer):
        order = OrderFactory(user_id=bruno.id)
        staff = callers.Caller(issuer).is_known(roles=("admin",))

        assert bruno.get(address(order)).status_code == 200
        callers.problem(olivia.get(address(order)), 404)
        callers.problem(staff.get(address(order)), 404)
        callers.problem(nobody.get(address(order)), 401)

    @pytest.mark.parametrize("unknown", [ids.new(), "hamlet", "1", "%00", "%ff", "{id}"])
    def test_knows_nothing_of_others(self, bruno, unknown):
        callers.problem(bruno.get(address(unknown)), 404)

    def test_asks_for_credentials_before_it_looks_at_the_id(self, nobody):
        callers.problem(nobody.get(address("hamlet")), 401)
        callers.problem(nobody.delete(address("hamlet")), 401)

    def test_keeps_the_price_of_ordering(self, bruno):
        ticket = TicketFactory(id=samples.HAMLET, user_id=samples.OLIVIA)
        order = place(bruno, ticket).json()

        dearer = {"status": "on_sale", "order_id": None, "version": 1, "amount_minor": 9900, "title": "Hamlet, row A"}
        deliveries.hear(samples.sample(tickets.TicketUpdated, **dearer))

        assert bruno.get(address(order["id"])).json()["ticket"] == order["ticket"]

    def test_tells_when_it_may_be_paid_and_that_it_was(self, bruno):
        order = OrderFactory(id=samples.ORDER, user_id=bruno.id, ticket_id=samples.HAMLET)

        deliveries.hear(samples.sample(tickets.TicketReserved))
        assert bruno.get(address(order)).json()["status"] == "awaiting_payment"

        deliveries.hear(samples.sample(payments.PaymentAuthorized))
        shown = bruno.get(address(order))
        assert (shown.json()["status"], shown.json()["version"], shown["ETag"]) == ("complete", 2, '"2"')

    def test_answers_304_to_who_has_it_but_never_to_a_cookie(self, bruno, issuer, nobody):
        order = OrderFactory(user_id=bruno.id)
        issuer.sign_in(nobody.client, user_id=bruno.id)

        assert bruno.get(address(order), if_none_match='"0"').status_code == 304
        assert nobody.get(address(order), if_none_match='"0"').status_code == 200

    def test_is_kept_by_nobody(self, bruno):
        order = OrderFactory(user_id=bruno.id)

        assert bruno.get(address(order))["Cache-Control"] == "no-store"
        assert bruno.get("/api/orders")["Cache-Control"] == "no-store"

    def test_is_found_with_a_slash_too(self, bruno, hamlet):
        order = bruno.post("/api/orders/", {"ticketId": str(hamlet.id)}).json()

        assert bruno.get(address(order["id"]) + "/").json() == order
        assert bruno.get("/api/orders/").json() == [order]
        assert bruno.delete(address(order["id"]) + "/").status_code == 204


class TestList:
    def test_is_of_ones_own_the_newest_first(self, bruno, olivia):
        now = clock.now()
        ages = [OrderFactory(user_id=bruno.id, created_at=now - dt.timedelta(minutes=age)) for age in (3, 1, 2)]
        OrderFactory(user_id=olivia.id)

        shown = [order["id"] for order in bruno.get("/api/orders").json()]

        assert shown == [str(ages[place].id) for place in (1, 2, 0)]

    def test_needs_credentials(self, nobody):
        callers.problem(nobody.get("/api/orders"), 401)

    @pytest.mark.parametrize("status", ["created", "awaiting_payment", "complete", "cancelled", "expired", "refunded"])
    def test_by_status(self, bruno, status):
        for state in ("awaiting", "complete", "cancelled", "expired", "refunded"):
            OrderFactory(user_id=bruno.id, **{state: True})
        OrderFactory(user_id=bruno.id)

        assert [order["status"] for order in bruno.get("/api/orders", {"status": status}).json()] == [status]

    def test_refuses_a_status_that_is_none(self, bruno):
        assert callers.blamed(bruno.get("/api/orders", {"status": "paid"})) == {"status"}

    def test_is_paged_and_stays_put_while_it_grows(self, bruno):
        orders = OrderFactory.create_batch(5, user_id=bruno.id)
        first = bruno.get("/api/orders", {"limit": 3})
        OrderFactory(user_id=bruno.id)

        second = bruno.get(first["Link"].split(">")[0].strip("<"))

        shown = [order["id"] for page in (first, second) for order in page.json()]
        assert shown == [str(order.id) for order in reversed(orders)]
        assert "Link" not in second

    def test_refuses_the_cursor_of_another_buyer(self, bruno, olivia):
        OrderFactory.create_batch(2, user_id=bruno.id)
        address = bruno.get("/api/orders", {"limit": 1})["Link"].split(">")[0].strip("<")

        assert callers.code(olivia.get(address), 400) == "invalid_cursor"

    @pytest.mark.parametrize(
        ("name", "junk"),
        [("limit", "0"), ("limit", "101"), ("limit", str(2**63)), ("limit", "x"), ("cursor", "x"), ("cursor", "")],
    )
    def test_refuses_pages_that_are_none(self, bruno, name, junk):
        assert callers.blamed(bruno.get("/api/orders", {name: junk})) == {name}


class TestCancel:
    @pytest.mark.parametrize("state", [{}, {"awaiting": True}])
    def test_gives_an_unpaid_order_up(self, bruno, state):
        order = OrderFactory(user_id=bruno.id, **state)

        answer = bruno.delete(address(order))

        assert (answer.status_code, answer.content) == (204, b"")
        assert stored(order).status == "cancelled"
        assert deliveries.said() == [("order.cancelled", str(order.id))]

    def test_once_more_is_no_harm(self, bruno):
        order = OrderFactory(user_id=bruno.id, cancelled=True)

        assert bruno.delete(address(order)).status_code == 204
        assert stored(order).version == order.version
        assert deliveries.said() == []

    @pytest.mark.parametrize("ended", ["complete", "expired", "refunded"])
    def test_is_refused_when_it_is_too_late(self, bruno, ended):
        order = OrderFactory(user_id=bruno.id, **{ended: True})

        assert callers.code(bruno.delete(address(order)), 409) == "wrong_state"
        assert stored(order).status == ended

    def test_is_for_the_buyer_alone(self, olivia, nobody):
        order = OrderFactory()

        callers.problem(olivia.delete(address(order)), 404)
        callers.problem(nobody.delete(address(order)), 401)
        callers.problem(olivia.delete(address(ids.new())), 404)
        callers.problem(olivia.delete(address("hamlet")), 404)
        assert stored(order).status == "created"

    def test_honours_if_match_before_the_state(self, bruno):
        order = OrderFactory(user_id=bruno.id, complete=True)

        callers.problem(bruno.delete(address(order), if_match='"1"'), 412)
        callers.problem(bruno.delete(address(order), if_match="2"), 400)
        callers.problem(bruno.delete(address(order), if_match='"2"'), 409)

    def test_with_the_version_it_has(self, bruno):
        order = OrderFactory(user_id=bruno.id)

        assert bruno.delete(address(order), if_match='"0"').status_code == 204
