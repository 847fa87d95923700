"""What sellers and visitors are told over HTTP: every success and every refusal of the contract."""

import datetime as dt

import pytest

from shared import ids
from shared.contracts import orders
from shared.testing import callers, deliveries
from tests.contracts import samples
from tests.tickets.factories import TicketFactory
from tickets_service.tickets import models

pytestmark = pytest.mark.django_db

HAMLET = {"title": "Hamlet, row F", "price": 12.5}
WHOLE = {
    **HAMLET,
    "currency": "EUR",
    "description": "Under the roof, dry in the rain.",
    "venue": "The Globe",
    "startsAt": "2027-03-02T19:30:00+01:00",
    "category": "theatre",
    "seat": "F 12",
}
MEMBERS = {
    "id", "title", "price", "currency", "description", "venue", "startsAt", "category", "seat", "status", "userId",
    "version", "createdAt", "updatedAt",
}  # fmt: skip


def address(ticket):
    return f"/api/tickets/{getattr(ticket, 'id', ticket)}"


def stored(ticket):
    return models.Ticket.objects.get(id=ticket.id)


class TestOffer:
    def test_answers_with_the_ticket_and_where_it_is(self, olivia):
        answer = olivia.post("/api/tickets", WHOLE)

        assert answer.status_code == 201
        ticket = answer.json()
        assert set(ticket) == MEMBERS
        assert {name: ticket[name] for name in WHOLE} == {**WHOLE, "startsAt": "2027-03-02T18:30:00Z"}
        assert (ticket["status"], ticket["version"], ticket["userId"]) == ("on_sale", 0, str(olivia.id))
        assert ticket["createdAt"] == ticket["updatedAt"]
        assert ticket["createdAt"].endswith("Z")
        assert answer["Location"] == address(ticket["id"])
        assert answer["ETag"] == '"0"'
        assert olivia.get(answer["Location"]).json() == ticket

    def test_tells_the_other_services(self, olivia):
        ticket = olivia.post("/api/tickets", HAMLET).json()

        assert deliveries.said() == [("ticket.created", ticket["id"])]

    @pytest.mark.parametrize(
        ("price", "currency", "shown", "minor"),
        [
            (12.5, "USD", 12.5, 1250),
            ("12.50", "USD", 12.5, 1250),
            (1250, "JPY", 1250, 1250),
            ("1250", "JPY", 1250, 1250),
            (1.234, "KWD", 1.234, 1234),
            ("0.001", "KWD", 0.001, 1),
            (1_000_000, "USD", 1_000_000, 100_000_000),
            ("1000000.000", "KWD", 1_000_000, 1_000_000_000),
        ],
    )
    def test_takes_prices_in_their_currency(self, olivia, price, currency, shown, minor):
        answer = olivia.post("/api/tickets", {**HAMLET, "price": price, "currency": currency})

        assert answer.status_code == 201, answer.content
        assert (answer.json()["price"], answer.json()["currency"]) == (shown, currency)
        assert not isinstance(answer.json()["price"], str)
        assert models.Ticket.objects.get().amount_minor == minor

    def test_is_in_dollars_where_nothing_is_said(self, olivia):
        assert olivia.post("/api/tickets", HAMLET).json()["currency"] == "USD"

    def test_keeps_a_price_exact_that_no_float_could_hold(self, olivia):
        answer = olivia.post("/api/tickets", '{"title": "Hamlet", "price": 0.29}')

        assert answer.content.count(b'"price":0.29,') == 1
        assert models.Ticket.objects.get().amount_minor == 29

    @pytest.mark.parametrize(
        "price",
        ["0", "-1", "1e3", '"1e3"', '"1_000"', '"+5"', '"٣"', '"１２"', "12.505", '"12.505"', "1000000.01", "null",
         "true", "[]", "{}", '""', '" 5"', '"5."', '".5"', '"NaN"', '"Infinity"', '"0x10"', '"007"'],
    )  # fmt: skip
    def test_refuses_what_is_no_price(self, olivia, price):
        answer = olivia.post("/api/tickets", f'{{"title": "Hamlet", "price": {price}}}')

        assert callers.blamed(answer) == {"price"}

    @pytest.mark.parametrize(
        "body",
        ["", "{", "[]", '"title"', "null", "17", '{"title": "a", "title": "b", "price": 1}', '{"price": NaN}',
         '{"title": "a\\u0000b", "price": 1}', '{"title": "\\ud800", "price": 1}', "[" * 10_000, '{"a":' * 10_000,
         '{"price": ' + "1" * 5_000 + "}", b"\xff\xfe", b'{"title": "\xff", "price": 1}'],
    )  # fmt: skip
    def test_refuses_what_is_no_proper_json(self, olivia, body):
        callers.problem(olivia.post("/api/tickets", body), 400)

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"title": ""}, "title"),
            ({"title": "   \t "}, "title"),
            ({"title": "\u200b\u2060"}, "title"),
            ({"title": "x" * 201}, "title"),
            ({"title": None}, "title"),
            ({"title": 5}, "title"),
            ({"title": ["Hamlet"]}, "title"),
            ({"title": True}, "title"),
            ({"currency": "XXX"}, "currency"),
            ({"currency": "usd"}, "currency"),
            ({"currency": None}, "currency"),
            ({"currency": "JPY", "price": 12.5}, "price"),
            ({"currency": "KWD", "price": "1.2345"}, "price"),
            ({"startsAt": "tomorrow"}, "startsAt"),
            ({"startsAt": "2027-03-02"}, "startsAt"),
            ({"startsAt": "2027-03-02T19:30:00"}, "startsAt"),
            ({"startsAt": "0001-01-01T00:00:00+14:00"}, "startsAt"),
            ({"startsAt": "9999-12-31T23:59:59-14:00"}, "startsAt"),
            ({"startsAt": 1_900_000_000}, "startsAt"),
            ({"description": "x" * 5001}, "description"),
            ({"venue": "x" * 201}, "venue"),
            ({"venue": {"name": "The Globe"}}, "venue"),
            ({"category": "x" * 51}, "category"),
            ({"seat": "x" * 51}, "seat"),
            ({"seat": 12}, "seat"),
        ],
    )
    def test_refuses_what_breaks_a_rule_and_names_the_member(self, olivia, wrong, field):
        assert callers.blamed(olivia.post("/api/tickets", {**HAMLET, **wrong})) == {field}
        assert not models.Ticket.objects.exists()

    def test_names_every_rule_that_failed(self, olivia):
        answer = olivia.post("/api/tickets", {"title": "", "price": "free", "startsAt": "soon"})

        assert callers.blamed(answer) == {"title", "price", "startsAt"}

    def test_calls_a_currency_nobody_knows_by_its_code(self, olivia):
        assert callers.code(olivia.post("/api/tickets", {**HAMLET, "currency": "GAL"}), 400) == "unknown_currency"

    def test_takes_a_title_of_200_characters_of_any_script(self, olivia):
        assert olivia.post("/api/tickets", {**HAMLET, "title": "ハ" * 200}).status_code == 201

    def test_ignores_what_is_not_the_sellers_to_say(self, olivia):
        theirs = {"status": "sold", "userId": str(ids.new()), "version": 7, "orderId": str(ids.new()), "id": "x"}

        ticket = olivia.post("/api/tickets", HAMLET | theirs).json()

        assert (ticket["status"], ticket["userId"], ticket["version"]) == ("on_sale", str(olivia.id), 0)
        assert "orderId" not in ticket

    def test_is_for_users_before_anything_else_is_looked_at(self, nobody):
        callers.problem(nobody.post("/api/tickets", "{"), 401)

    def test_refuses_an_invalid_bearer_but_takes_an_invalid_cookie_for_nobody(self, nobody):
        nobody.client.cookies["access_token"] = "stale"

        assert nobody.get("/api/tickets").status_code == 200
        callers.problem(nobody.post("/api/tickets", HAMLET), 401)
        callers.problem(nobody.get("/api/tickets", authorization="Bearer stale"), 401)

    def test_takes_the_access_cookie(self, issuer, nobody):
        issuer.sign_in(nobody.client)

        assert nobody.post("/api/tickets", HAMLET).status_code == 201

    def test_refuses_a_form_of_another_site_that_uses_the_cookie(self, issuer, nobody):
        issuer.sign_in(nobody.client)

        callers.problem(nobody.post("/api/tickets", HAMLET, sec_fetch_site="cross-site"), 403)
        callers.problem(nobody.post("/api/tickets", HAMLET, origin="https://evil.example"), 403)
        callers.problem(nobody.post("/api/tickets", HAMLET, origin="null"), 403)

    def test_refuses_a_banned_seller_whose_token_still_lives(self, olivia):
        olivia.is_banned()

        assert callers.code(olivia.post("/api/tickets", HAMLET), 403) == "barred"
        assert not models.Ticket.objects.exists()

    @pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml"])
    def test_refuses_other_content(self, olivia, kind):
        callers.problem(olivia.post("/api/tickets", "title=Hamlet", content_type=kind), 415)

    def test_refuses_a_body_too_large(self, olivia):
        callers.problem(olivia.post("/api/tickets", {**HAMLET, "description": "x" * 1_000_000}), 413)

    def test_refuses_methods_that_make_no_sense(self, olivia):
        callers.problem(olivia.put("/api/tickets", HAMLET), 405)
        callers.problem(olivia.post(address(TicketFactory()), HAMLET), 405)

    def test_limits_how_much_one_user_writes(self, olivia, bruno, settings):
        settings.WRITES_PER_MINUTE = 1
        olivia.post("/api/tickets", HAMLET)

        refused = olivia.post("/api/tickets", HAMLET)

        callers.problem(refused, 429)
        assert 1 <= int(refused["Retry-After"]) <= 60
        assert bruno.post("/api/tickets", HAMLET).status_code == 201


class TestIdempotencyKey:
    def test_gives_the_same_answer_again_with_one_effect(self, olivia):
        first = olivia.post("/api/tickets", HAMLET, idempotency_key="k1")
        again = olivia.post("/api/tickets/", {"price": 12.5, "title": "Hamlet, row F"}, idempotency_key="k1")

        assert (again.status_code, again.json()) == (201, first.json())
        assert again["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first
        assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
        assert models.Ticket.objects.count() == 1
        assert len(deliveries.said()) == 1

    def test_refuses_the_same_key_with_another_body(self, olivia):
        olivia.post("/api/tickets", HAMLET, idempotency_key="k1")

        answer = olivia.post("/api/tickets", {**HAMLET, "price": 13}, idempotency_key="k1")

        assert callers.code(answer, 422) == "idempotency_key_reused"

    def test_belongs_to_one_user(self, olivia, bruno):
        olivia.post("/api/tickets", HAMLET, idempotency_key="k1")

        assert bruno.post("/api/tickets", HAMLET, idempotency_key="k1").json()["userId"] == str(bruno.id)

    def test_keeps_no_refusal_that_the_client_can_mend(self, olivia):
        callers.problem(olivia.post("/api/tickets", {**HAMLET, "price": 0}, idempotency_key="k1"), 400)

        assert olivia.post("/api/tickets", HAMLET, idempotency_key="k1").status_code == 201

    def test_keeps_a_decided_refusal(self, olivia):
        olivia.is_banned()
        first = olivia.post("/api/tickets", HAMLET, idempotency_key="k1")
        models.Ticket.objects.all().delete()

        again = olivia.post("/api/tickets", HAMLET, idempotency_key="k1")

        assert callers.problem(again, 403) == callers.problem(first, 403)
        assert again["Idempotency-Replayed"] == "true"

    @pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256])
    def test_has_a_form(self, olivia, key):
        callers.problem(olivia.post("/api/tickets", HAMLET, idempotency_key=key), 400)


class TestShow:
    def test_is_for_anyone(self, nobody):
        ticket = TicketFactory()

        answer = nobody.get(address(ticket))

        assert answer.status_code == 200
        assert set(answer.json()) == MEMBERS
        assert answer["ETag"] == '"0"'

    @pytest.mark.parametrize("status", ["reserved", "sold"])
    def test_names_the_order_while_one_holds_it(self, nobody, status):
        ticket = TicketFactory(**{status: True})

        assert nobody.get(address(ticket)).json()["orderId"] == str(ticket.order_id)

    def test_names_no_order_once_it_is_free_again(self, nobody):
        ticket = TicketFactory(id=samples.HAMLET, reserved=True, order_id=samples.ORDER)
        deliveries.hear(samples.sample(orders.OrderCancelled, status="cancelled", version=2))

        assert "orderId" not in nobody.get(address(ticket)).json()

    @pytest.mark.parametrize(("amount", "currency", "shown"), [(1250, "JPY", b"1250"), (1234, "KWD", b"1.234")])
    def test_shows_a_price_in_its_currency(self, nobody, amount, currency, shown):
        ticket = TicketFactory(amount_minor=amount, currency=currency)

        assert b'"price":%s,' % shown in nobody.get(address(ticket)).content

    def test_shows_a_withdrawn_ticket_to_its_seller_and_staff_only(self, olivia, bruno, nobody, issuer):
        ticket = TicketFactory(withdrawn=True, user_id=olivia.id)
        staff = callers.Caller(issuer).is_known(roles=("support",))

        assert olivia.get(address(ticket)).status_code == 200
        assert staff.get(address(ticket)).status_code == 200
        callers.problem(bruno.get(address(ticket)), 404)
        callers.problem(nobody.get(address(ticket)), 404)

    @pytest.mark.parametrize(
        "unknown", [ids.new(), "hamlet", "1", "0" * 40, "%00", "..%2f", "%ff", "7e9c1b", "{id}", "٣" * 32]
    )
    def test_knows_nothing_of_others(self, nobody, unknown):
        callers.problem(nobody.get(address(unknown)), 404)

    def test_answers_304_to_who_has_it_but_never_to_a_cookie(self, nobody, issuer):
        ticket = TicketFactory()

        assert nobody.get(address(ticket), if_none_match='"0"').status_code == 304
        assert nobody.get(address(ticket), if_none_match='"1"').status_code == 200
        issuer.sign_in(nobody.client)
        assert nobody.get(address(ticket), if_none_match='"0"').status_code == 200

    def test_may_be_kept_only_where_nobody_is_concerned(self, nobody, olivia):
        ticket = TicketFactory()

        assert nobody.get(address(ticket))["Cache-Control"] == "no-cache"
        assert olivia.get(address(ticket))["Cache-Control"] == "no-store"
        assert nobody.get(address(ids.new()))["Cache-Control"] == "no-store"

    def test_names_the_request(self, nobody):
        assert nobody.get("/api/tickets", x_request_id="abc-1")["X-Request-ID"] == "abc-1"
        assert nobody.get("/api/tickets", x_request_id="not ours")["X-Request-ID"] != "not ours"

    def test_says_nothing_about_its_software(self, nobody):
        answer = nobody.get("/api/tickets")

        assert "Server" not in answer
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "Referrer-Policy" in answer

    def test_is_found_with_a_slash_too(self, nobody):
        ticket = TicketFactory()

        assert nobody.get(address(ticket) + "/").json() == nobody.get(address(ticket)).json()
        assert len(nobody.get("/api/tickets/").json()) == 1


@pytest.fixture
def hers(olivia):
    return TicketFactory(user_id=olivia.id)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
class TestWhoMayChangeATicket:
    """The order of the checks: credentials, validation, existence, ownership, If-Match, state."""

    def ask(self, who, method, ticket, body=HAMLET, **headers):
        if method == "delete":
            return who.delete(address(ticket), **headers)
        return getattr(who, method)(address(ticket), body, **headers)

    def test_nobody_without_credentials(self, nobody, method):
        callers.problem(self.ask(nobody, method, ids.new(), "{"), 401)
        callers.problem(self.ask(nobody, method, "hamlet", "{"), 401)

    def test_nobody_a_ticket_that_does_not_exist(self, olivia, method):
        callers.problem(self.ask(olivia, method, ids.new()), 404)
        callers.problem(self.ask(olivia, method, "hamlet"), 404)

    def test_nobody_but_its_seller(self, bruno, hers, method):
        callers.problem(self.ask(bruno, method, hers, if_match='"9"'), 403)
        assert stored(hers).version == 0

    def test_not_even_staff(self, issuer, hers, method):
        staff = callers.Caller(issuer).is_known(roles=("admin",))

        callers.problem(self.ask(staff, method, hers), 403)

    def test_nobody_who_should_not_know_of_it(self, bruno, method):
        callers.problem(self.ask(bruno, method, TicketFactory(withdrawn=True)), 404)

    def test_nobody_who_has_read_another_version(self, olivia, method):
        sold = TicketFactory(user_id=olivia.id, sold=True)

        answer = self.ask(olivia, method, sold, if_match='"0", "1", W/"2"')

        assert callers.code(answer, 412) == "precondition_failed"

    @pytest.mark.parametrize("status", ["reserved", "sold", "withdrawn"])
    def test_nobody_while_its_state_forbids_it(self, olivia, method, status):
        ticket = TicketFactory(user_id=olivia.id, **{status: True})

        assert callers.code(self.ask(olivia, method, ticket, if_match=f'"{ticket.version}"'), 409) == "not_on_sale"
        assert stored(ticket).version == ticket.version

    @pytest.mark.parametrize("tags", ['"0"', "*", '"7", "0"', None])
    def test_its_seller_where_the_version_holds(self, olivia, hers, method, tags):
        headers = {"if_match": tags} if tags else {}

        assert self.ask(olivia, method, hers, **headers).status_code in (200, 204)
        assert stored(hers).version == 1

    def test_nobody_with_a_condition_that_is_none(self, olivia, method):
        callers.problem(self.ask(olivia, method, ids.new(), if_match="0"), 400)


class TestValidationBeforeExistence:
    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_a_bad_body_is_refused_whatever_it_is_for(self, olivia, bruno, hers, method):
        for who, ticket in ((olivia, ids.new()), (bruno, hers), (olivia, TicketFactory(sold=True))):
            answer = getattr(who, method)(address(ticket), {**HAMLET, "price": -1}, if_match='"9"')
            assert callers.blamed(answer) == {"price"}


class TestPut:
    def test_describes_the_ticket_anew(self, olivia):
        ticket = TicketFactory(user_id=olivia.id, seat="F 12", currency="EUR")

        answer = olivia.put(address(ticket), {"title": "Hamlet, row G", "price": 20})

        shown = answer.json()
        assert answer.status_code == 200
        assert answer["ETag"] == '"1"'
        assert (shown["title"], shown["price"], shown["currency"], shown["version"]) == ("Hamlet, row G", 20, "USD", 1)
        assert (shown["seat"], shown["venue"], shown["startsAt"]) == ("", "", None)
        assert shown["updatedAt"] > shown["createdAt"]
        assert deliveries.said() == [("ticket.updated", str(ticket.id))]

    @pytest.mark.parametrize("missing", ["title", "price"])
    def test_needs_the_whole_ticket(self, olivia, hers, missing):
        body = {name: value for name, value in HAMLET.items() if name != missing}

        assert callers.blamed(olivia.put(address(hers), body)) == {missing}


class TestPatch:
    def test_changes_some_members_only(self, olivia, hers):
        answer = olivia.patch(address(hers), {"seat": "G 1"})

        before = {"title": hers.title, "price": 12.5, "venue": hers.venue}
        assert {name: answer.json()[name] for name in before} == before
        assert (answer.json()["seat"], answer.json()["version"]) == ("G 1", 1)

    def test_takes_a_price_alone_in_the_tickets_own_currency(self, olivia):
        ticket = TicketFactory(user_id=olivia.id, amount_minor=1000, currency="JPY")

        answer = olivia.patch(address(ticket), {"price": 1500})

        assert (answer.json()["price"], answer.json()["currency"]) == (1500, "JPY")
        assert stored(ticket).amount_minor == 1500
        assert callers.blamed(olivia.patch(address(ticket), {"price": 15.5})) == {"price"}

    def test_takes_no_currency_without_a_price(self, olivia, hers):
        assert callers.blamed(olivia.patch(address(hers), {"currency": "JPY"})) == {"price"}
        assert (stored(hers).amount_minor, stored(hers).currency) == (1250, "USD")

    def test_takes_a_moment_away(self, olivia, hers):
        assert olivia.patch(address(hers), {"startsAt": None}).json()["startsAt"] is None

    @pytest.mark.parametrize("body", [{"title": " "}, {"title": None}, {"price": None}, {"price": "0"}])
    def test_is_held_to_the_same_rules(self, olivia, hers, body):
        assert callers.blamed(olivia.patch(address(hers), body)) == set(body)


class TestWithdraw:
    def test_takes_the_ticket_off_the_market_for_ever(self, olivia, hers, nobody):
        answer = olivia.delete(address(hers))

        assert (answer.status_code, answer.content) == (204, b"")
        assert nobody.get("/api/tickets").json() == []
        assert olivia.get(address(hers)).json()["status"] == "withdrawn"
        assert deliveries.said() == [("ticket.withdrawn", str(hers.id))]
        callers.problem(olivia.patch(address(hers), {"seat": "1"}), 409)


def test_a_reserved_ticket_is_not_listed_and_comes_back(nobody):
    TicketFactory(id=samples.HAMLET)

    deliveries.hear(samples.sample(orders.OrderCreated))
    assert nobody.get("/api/tickets").json() == []

    deliveries.hear(samples.sample(orders.OrderCancelled, status="cancelled", version=1))
    assert [ticket["id"] for ticket in nobody.get("/api/tickets").json()] == [str(samples.HAMLET)]


def test_the_moment_of_a_change_is_the_databases(olivia):
    ticket = olivia.post("/api/tickets", HAMLET).json()

    made = dt.datetime.fromisoformat(ticket["createdAt"])
    assert abs(made - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
