import datetime as dt
import http.server
import json
import threading

import pytest

from deploy.local import demo, listings, shopper, stamps

TODAY = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers with what the test has laid out, one after the other, the last for ever; None breaks the connection."""

    protocol_version = "HTTP/1.1"

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, self.headers.get("Idempotency-Key"), body))
        script = self.server.script
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer is None:
            self.close_connection = True
            return
        status, said = answer
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do

    def log_message(self, *args):
        """Silence."""


@pytest.fixture
def market():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.asked, server.script = [], []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def bruno(market):
    buyer = shopper.Shopper(f"http://127.0.0.1:{market.server_address[1]}", "bruno@demo.example", "a password")
    yield buyer
    buyer.close()


def conflict(code):
    return 409, {"errors": [{"message": "no", "code": code}]}


class TestShopper:
    def test_repeats_what_broke_under_the_same_key(self, market, bruno):
        market.script = [None, (503, {}), conflict("still_running"), (201, {"id": "7"})]

        assert bruno.post("/api/orders", {"ticketId": "t"}) == {"id": "7"}

        keys = {key for _, _, key, _ in market.asked}
        assert len(market.asked) == 4
        assert len(keys) == 1
        assert None not in keys

    def test_two_things_have_two_keys(self, market, bruno):
        market.script = [(201, {})]
        bruno.post("/api/orders", {})
        bruno.post("/api/orders", {})

        first, second = (key for _, _, key, _ in market.asked)
        assert first != second

    def test_takes_a_no_for_a_no(self, market, bruno):
        market.script = [conflict("reserved")]

        with pytest.raises(shopper.Refused) as refused:
            bruno.post("/api/orders", {})

        assert refused.value.status == 409
        assert len(market.asked) == 1

    def test_gives_up_in_the_end(self, market, bruno):
        market.script = [(503, {})]

        with pytest.raises(shopper.Failed, match="POST /api/orders: 503"):
            bruno.post("/api/orders", {}, patience=0.6)

        assert len(market.asked) > 1

    def test_asks_again_under_a_new_key_about_what_is_not_known_yet(self, market, bruno):
        """A decided 404 is remembered under its key."""
        market.script = [(404, {}), (404, {}), (201, {"id": "7"})]

        assert bruno.post_known("/api/orders", {"ticketId": "t"}) == {"id": "7"}
        assert len({key for _, _, key, _ in market.asked}) == 3

    def test_an_order_that_ended_otherwise_is_a_refusal(self, market, bruno):
        market.script = [(200, {"status": "created"}), (200, {"status": "expired"})]

        with pytest.raises(shopper.Refused, match="is expired, not awaiting_payment"):
            bruno.wait_for("/api/orders/7", status="awaiting_payment")

    def test_signs_in_where_the_e_mail_is_known(self, market, bruno):
        market.script = [(400, {"errors": [{"message": "Email in use"}]}), (200, {"id": "u"})]

        bruno.sign_up_or_in()

        assert bruno.id == "u"
        assert [path for _, path, _, _ in market.asked] == ["/api/users/signup", "/api/users/signin"]


class TestListings:
    def test_are_within_what_the_market_accepts(self):
        tickets = list(listings.believable(count=300, today=TODAY, seed=1))

        assert len(tickets) == 300
        assert all(1 <= len(ticket["title"]) <= 200 and ticket["venue"] for ticket in tickets)
        assert all(0 < float(ticket["price"]) <= 1_000_000 for ticket in tickets)
        starts = [dt.datetime.fromisoformat(ticket["startsAt"]) for ticket in tickets]
        assert all(TODAY < start < TODAY + dt.timedelta(days=125) for start in starts)

    def test_are_of_many_kinds_and_alike_for_the_same_seed(self):
        first, again, other = (list(listings.believable(count=30, today=TODAY, seed=seed)) for seed in (1, 1, 2))

        assert first == again
        assert first != other
        assert {ticket["category"] for ticket in first} == {kind.category for kind in listings.KINDS}


class TestReport:
    def test_a_failed_purchase_fails_the_command(self):
        bought = [demo.Outcome("bought", seconds=0.1 * n) for n in range(1, 5)]

        assert demo._report(bought, 10.0) == 0
        assert demo._report([*bought, demo.Outcome("refused", said="409")], 10.0) == 0
        assert demo._report([*bought, demo.Outcome("failed", said="503")], 10.0) == 1


class TestStamps:
    def test_a_step_is_done_until_its_code_or_its_database_is_another(self, home, monkeypatch):
        version = home.postgres / "orders" / "PG_VERSION"
        version.parent.mkdir()
        version.write_text("15\n")
        stamp = stamps.Stamp(home, service="orders", step="orders.migrate")
        assert not stamp.is_valid()

        stamp.set()
        assert stamp.is_valid()

        with monkeypatch.context() as patch:
            patch.setattr(stamps, "_sources", lambda service: [])
            assert not stamp.is_valid()
        version.rename(version.with_name("old"))
        version.write_text("15\n")
        assert not stamp.is_valid()

    def test_forgets_when_somebody_migrates_by_hand(self, home):
        version = home.postgres / "orders" / "PG_VERSION"
        version.parent.mkdir()
        version.write_text("15\n")
        stamp = stamps.Stamp(home, service="orders", step="orders.migrate")
        stamp.set()

        stamps.forget(home)

        assert not stamp.is_valid()
