"""What strangers send: each of it is refused with the right 4xx, as a problem document, and changes nothing."""

import json
import uuid

import pytest

from tests.market import people, scenes

OFFER = {"title": "Hamlet, row F", "price": 12.5}
DEEP = 10_000

BODIES = {
    "no JSON": b"title=Hamlet",
    "half an object": b'{"title": ',
    "two objects": b"{}{}",
    "a list": b"[]",
    "a text": b'"text"',
    "null": b"null",
    "a number": b"5",
    "a list of objects": b'[{"title": "Hamlet"}]',
    "10,000 lists": b'{"title": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "10,000 objects": b'{"title": ' * DEEP + b"1" + b"}" * DEEP,
    "10,000 lists never closed": b"[" * DEEP,
    "a number of 5,000 digits": b'{"price": ' + b"9" * 5000 + b"}",
    "NaN": b'{"price": NaN}',
    "Infinity": b'{"price": -Infinity}',
    "the same member twice": b'{"title": "a", "price": 1, "price": 2}',
    "NUL": b'{"title": "a\\u0000b", "orderId": "\\u0000", "email": "\\u0000@example.com"}',
    "half a surrogate pair": b'{"title": "\\ud800", "token": "\\ud800", "password": "\\udfff"}',
    "a name with half a surrogate pair": b'{"\\ud800": 1}',
    "no UTF-8": b'{"title": "\xff\xfe"}',
    "UTF-16": json.dumps(OFFER).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a control character": b'{"title": "a\nb"}',
}
PRICES = [
    *(-1, 0, -0.01, 0.001, 12.345, 1_000_000.01, 1e300, True, False, None, [], {}, [12.5], {"amount": 5}),
    *("", " ", "-1", "0", "+5", "1_000", "1,000", "1e3", "1E3", "0x10", " 5", "5 ", "5.", ".5", "05", "1/2", "NaN"),
    *("Infinity", "-Infinity", "٣", "５", "12.5٠", "5\n", "9" * 5000, "1000000.01", "12.345", "$5"),
]
RAW_PRICES = [b"1e3", b"1E+3", b"1e400", b"-0", b"-0.0", b"9" * 101, b"0." + b"0" * 90 + b"1", b"1.50000000000"]
NO_TEXT = [None, 5, True, [], {}, ["Hamlet"], "", "   ", "\t\n", "\u200b", "x" * 201]
NO_MOMENT = ["soon", 5, [], "2026-01-01", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00"]
NO_ID = [None, 5, 2**200, True, [], {}, "", "nonsense", "1", "٣", "../../etc", f"{{{uuid.UUID(int=1)}}}", "x" * 5000]
NO_PATH_ID = ["nonsense", "1", "-1", "null", "%00", "%FF", "%E0%A4", "a%2Fb", "x" * 3000, "%27%20OR%201%3D1"]


@pytest.fixture(scope="class")
def mallory(market):
    """He tries everything."""
    person = people.Person(market, "mallory").signs_up()
    yield person
    person.http.close()


@pytest.fixture(scope="class")
def ticket(mallory):
    return mallory.offers()


@pytest.fixture(scope="class", autouse=True)
def _nothing_changes(market, mallory, ticket):
    behind = scenes.Behind(market)
    before = _possessions(behind, mallory)
    yield
    assert _possessions(behind, mallory) == before


def _possessions(behind, person):
    tables = {
        "tickets": "SELECT id, version, status, title FROM tickets_ticket WHERE user_id = %s ORDER BY id",
        "orders": "SELECT id, version, status FROM orders_order WHERE user_id = %s ORDER BY id",
        "payments": "SELECT id, version, status FROM payments_payment WHERE user_id = %s ORDER BY id",
        "auth": "SELECT id, version, active FROM users_user WHERE id = %s",
    }
    return {service: behind.run(service, query, person.id) for service, query in tables.items()}


class TestBodies:
    @pytest.fixture(params=["tickets", "orders", "payments", "signup", "signin", "refresh", "a ticket"])
    def endpoint(self, request, ticket):
        own = {"tickets": "/api/tickets", "orders": "/api/orders", "payments": "/api/payments"}
        if request.param == "a ticket":
            return "PATCH", people.path(ticket)
        return "POST", own.get(request.param, f"/api/users/{request.param}")

    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    def test_that_are_not_the_json_we_accept(self, mallory, endpoint, body):
        answer = mallory.http.request(*endpoint, content=body, headers={"Content-Type": "application/json"})

        people.assert_refused(answer, 400)

    @pytest.mark.parametrize(
        "kind",
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=utf-16"],
    )
    def test_of_another_kind(self, mallory, endpoint, kind):
        answer = mallory.http.request(*endpoint, content=b"{}", headers={"Content-Type": kind})

        people.assert_refused(answer, 415)

    def test_that_are_too_large(self, mallory, endpoint):
        people.assert_refused(mallory.http.request(*endpoint, json={"title": "x" * 1_000_001}), 413)


class TestOffers:
    @pytest.fixture(params=["POST", "PATCH"])
    def send(self, request, mallory, ticket):
        where = "/api/tickets" if request.param == "POST" else people.path(ticket)

        def offer(**changes):
            return mallory.http.request(request.param, where, json={**OFFER, **changes})

        return offer

    @pytest.mark.parametrize("price", PRICES, ids=lambda price: repr(price)[:20])
    def test_at_no_price(self, send, price):
        errors = people.assert_refused(send(price=price), 400)

        assert {error["field"].partition(".")[0] for error in errors} == {"price"}

    @pytest.mark.parametrize("title", NO_TEXT, ids=lambda title: repr(title)[:20])
    def test_of_nothing(self, send, title):
        errors = people.assert_refused(send(title=title), 400)

        assert {error["field"].partition(".")[0] for error in errors} == {"title"}

    @pytest.mark.parametrize("currency", ["XXX", "usd", "", "US", "USDD", "٣٣٣", 5, None, [], {}])
    def test_in_no_currency(self, send, currency):
        people.assert_refused(send(currency=currency), 400)

    def test_in_an_unknown_currency_say_so(self, send):
        people.assert_refused(send(currency="ZZZ"), 400, "unknown_currency")

    @pytest.mark.parametrize(("price", "currency"), [(0.5, "JPY"), (1.2345, "KWD"), (1.005, "USD"), ("1.0", "JPY")])
    def test_with_more_decimals_than_the_currency_has(self, send, price, currency):
        people.assert_refused(send(price=price, currency=currency), 400)

    def test_as_a_whole_anew(self, mallory, ticket):
        for price in (-1, 0, "1e3", "٣", None):
            people.assert_refused(mallory.http.put(people.path(ticket), json={**OFFER, "price": price}), 400)
        people.assert_refused(mallory.http.put(people.path(ticket), json={"title": "Hamlet"}), 400)

    @pytest.mark.parametrize("moment", NO_MOMENT, ids=str)
    def test_at_no_time(self, send, moment):
        people.assert_refused(send(startsAt=moment), 400)

    @pytest.mark.parametrize("field", ["description", "venue", "category", "seat"])
    def test_described_by_what_is_no_text(self, send, field):
        for value in ([], {}, 5, True, "x" * 5001):
            people.assert_refused(send(**{field: value}), 400)


class TestPricesAsTheyStand:
    @pytest.mark.parametrize("price", RAW_PRICES, ids=lambda price: price[:20].decode())
    def test_in_a_notation_of_their_own(self, mallory, price):
        body = b'{"title": "Hamlet", "price": ' + price + b"}"

        answer = mallory.http.post("/api/tickets", content=body, headers={"Content-Type": "application/json"})

        people.assert_refused(answer, 400)

    def test_name_every_rule_that_failed(self, mallory):
        errors = people.assert_refused(mallory.http.post("/api/tickets", json={"title": " ", "price": -1}), 400)

        assert {error["field"] for error in errors} == {"title", "price"}


class TestOrdersAndPayments:
    @pytest.mark.parametrize("name", NO_ID, ids=lambda name: repr(name)[:20])
    def test_for_what_is_no_id(self, mallory, name):
        people.assert_refused(mallory.http.post("/api/orders", json={"ticketId": name}), 400)
        people.assert_refused(mallory.http.post("/api/payments", json={"orderId": name, "token": "tok_visa"}), 400)

    def test_for_nothing(self, mallory):
        people.assert_refused(mallory.http.post("/api/orders", json={}), 400)
        people.assert_refused(mallory.http.post("/api/payments", json={"token": "tok_visa"}), 400)
        people.assert_refused(mallory.http.post("/api/orders", json={"ticketId": str(uuid.uuid4())}), 404)

    @pytest.mark.parametrize("token", [None, 5, True, [], {}, "", "  ", "x" * 256])
    def test_with_what_is_no_token(self, mallory, token):
        body = {"orderId": str(uuid.uuid4()), "token": token}

        people.assert_refused(mallory.http.post("/api/payments", json=body), 400)


class TestPaths:
    @pytest.mark.parametrize("name", NO_PATH_ID, ids=lambda name: name[:20])
    @pytest.mark.parametrize("place", ["tickets", "orders", "payments"])
    def test_with_what_is_no_id(self, mallory, place, name):
        known = {"tickets": ("GET", "PATCH", "DELETE"), "orders": ("GET", "DELETE"), "payments": ("GET",)}[place]
        address = mallory.http.base_url.copy_with(raw_path=f"/api/{place}/{name}".encode())
        for method in known:
            answer = mallory.http.send(mallory.http.build_request(method, address, json={"price": 1}))
            people.assert_refused(answer, 404)

    @pytest.mark.parametrize("place", ["tickets", "orders", "payments"])
    def test_to_what_does_not_exist(self, mallory, place):
        people.assert_refused(mallory.http.get(f"/api/{place}/{uuid.uuid4()}"), 404)


class TestQueries:
    LIMITS = ["0", "-1", "101", str(2**63), "9" * 5000, "abc", "", "1.5", "1e1", "٣", "+5", "%00"]
    CURSORS = ["", "x", "MTIz", "W10", "%00", "%FF", "x" * 5000, "WyIyMDI2Il0:1vxyz:forged"]

    @pytest.mark.parametrize("place", ["tickets", "orders", "payments"])
    def test_for_pages_that_cannot_be(self, mallory, place):
        for limit in self.LIMITS:
            people.assert_refused(mallory.http.get(f"/api/{place}?limit={limit}"), 400)
        for cursor in self.CURSORS:
            people.assert_refused(mallory.http.get(f"/api/{place}?cursor={cursor}"), 400)

    def test_with_the_cursor_of_another_list(self, mallory, olivia):
        for _ in range(2):
            olivia.offers()
        own = f"/api/tickets?seller={olivia.id}&limit=1"
        cursor = mallory.http.get(own).links["next"]["url"].split("cursor=")[1]

        assert mallory.http.get(f"{own}&cursor={cursor}").status_code == 200
        for other in (f"{own}&sort=price", "/api/tickets?limit=1", "/api/orders?limit=1", "/api/payments?limit=1"):
            people.assert_refused(mallory.http.get(f"{other}&cursor={cursor}"), 400, "invalid_cursor")

    @pytest.mark.parametrize(
        "query",
        [
            *("minPrice=NaN", "minPrice=1e400", "maxPrice=abc", "maxPrice=-1", "minPrice=Infinity"),
            *("startsAfter=soon", "startsBefore=0001-01-01T00:00:00%2B23:59", "startsAfter=%00"),
            *("seller=nonsense", "seller=1", "status=nonsense", "sort=title", "sort=-price;drop", "category=%00"),
            *("q=%00", "q=%FF", f"q={'x' * 201}", f"category={'x' * 51}"),
        ],
        ids=lambda query: query[:30],
    )
    def test_for_tickets_that_make_no_sense(self, mallory, query):
        people.assert_refused(mallory.http.get(f"/api/tickets?{query}"), 400)

    @pytest.mark.parametrize("query", ["q=%27%3B--", "q=%26%7C!%3A*()", "q=%5C", "q=%25_", "unknown=1", "q="])
    def test_that_only_look_dangerous_are_answered(self, mallory, query):
        assert mallory.http.get(f"/api/tickets?{query}").status_code == 200

    def test_for_orders_that_make_no_sense(self, mallory):
        for query in ("status=nonsense", "status=%00", "status=complete&status=x"):
            people.assert_refused(mallory.http.get(f"/api/orders?{query}"), 400)


class TestHeaders:
    @pytest.mark.parametrize("key", ["", "x" * 256, "a b", b"\xc3\xa9"], ids=repr)
    def test_that_are_no_idempotency_key(self, mallory, key):
        for place, body in [("tickets", OFFER), ("orders", {"ticketId": str(uuid.uuid4())})]:
            answer = mallory.http.post(f"/api/{place}", json=body, headers={"Idempotency-Key": key})
            people.assert_refused(answer, 400)

    @pytest.mark.parametrize("tag", ["0", "x", '"', '"0', "'0'", '"0 "'])
    def test_that_are_no_entity_tag(self, mallory, ticket, tag):
        people.assert_refused(
            mallory.http.patch(people.path(ticket), json={"seat": "1"}, headers={"If-Match": tag}), 400
        )

    @pytest.mark.parametrize("tag", ['"99"', 'W/"0"', '""', '"1", "2"'])
    def test_that_are_another_entity_tag(self, mallory, ticket, tag):
        people.assert_refused(mallory.http.delete(people.path(ticket), headers={"If-Match": tag}), 412)

    @pytest.mark.parametrize(
        "credentials",
        [
            *("", "Bearer", "Bearer x", "Bearer a.b.c", "Basic b2xpdmlhOng=", "Bearer " + "x" * 6000),
            # {"alg":"none","typ":"at+jwt"}.{"sub":"…"}. – and the same with an empty signature and HS256
            "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJtYWxsb3J5In0.",
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJtYWxsb3J5In0.AAAA",
            b"Bearer \xff\xfe",
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_that_prove_nobody(self, anybody, credentials):
        headers = {"Authorization": credentials}

        for path in ("/api/orders", "/api/payments"):
            people.assert_refused(anybody.get(path, headers=headers), 401)
        people.assert_refused(anybody.post("/api/tickets", json=OFFER, headers=headers), 401)

    def test_with_a_forged_cookie_are_those_of_nobody(self, anybody):
        for forged in ("x", "a.b.c", "x" * 5000, "\"'"):
            cookies = {"Cookie": f"access_token={forged}"}
            assert anybody.get("/api/tickets", headers=cookies).status_code == 200
            assert anybody.get("/api/users/currentuser", headers=cookies).json() == {"currentUser": None}
            people.assert_refused(anybody.get("/api/orders", headers=cookies), 401)


class TestAccounts:
    @pytest.mark.parametrize("value", [None, 5, True, [], {}, "", ["a@example.com"], "x" * 300, "a\u0000"], ids=repr)
    def test_with_what_is_no_address_or_password(self, anybody, value):
        for place in ("signup", "signin"):
            for body in (
                {"email": value, "password": people.PASSWORD},
                {"email": "ola@example.com", "password": value},
            ):
                answer = anybody.post(f"/api/users/{place}", json=body)
                people.assert_refused(answer, 400)
                assert not answer.cookies

    @pytest.mark.parametrize("token", ["x", "a.1.b", f"{uuid.uuid4()}.{2**63}.x", "٣.٣.٣", "x" * 200, "a\u0301"])
    def test_with_what_is_no_refresh_token(self, anybody, token):
        people.assert_refused(anybody.post("/api/users/refresh", json={"refresh": token}), 401)

    @pytest.mark.parametrize("token", [None, "", 5, True, [], {}, "x" * 201])
    def test_with_what_could_never_be_a_refresh_token(self, anybody, token):
        people.assert_refused(anybody.post("/api/users/refresh", json={"refresh": token}), 400)
