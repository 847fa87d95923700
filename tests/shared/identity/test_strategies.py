"""The strategies that do not prove the token themselves: asking auth, and believing what auth has signed."""

import base64
import contextlib
import functools
import http.server
import json
import threading
import time
import urllib.parse
import uuid

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from deploy.local import homes
from shared.http import breaker
from shared.identity import state, tokens
from shared.identity.strategies import choice, gateway, introspect
from shared.settings import base, environment
from shared.testing import identity
from tests.shared.identity import people

pytestmark = pytest.mark.urls("tests.shared.identity.urls")


def ask(path, *, cookie=None, **headers):
    client = Client()
    if cookie is not None:
        client.cookies["access_token"] = cookie
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


class Auth(http.server.BaseHTTPRequestHandler):
    """Answers as the server's `says` tells it, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.headers, urllib.parse.parse_qs(body)))
        status, content = self.server.says
        if status == "slow":
            self.server.over.wait(10)
            self.close_connection = True
            return
        if status == "hang up":
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Silence."""


@pytest.fixture
def auth(settings):
    """An auth that this service asks about tokens."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Auth)
    server.asked, server.over, server.says = [], threading.Event(), (200, b'{"active": false}')
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings.IDENTITY_STRATEGY = "introspect"
    settings.INTROSPECT_URL = f"http://127.0.0.1:{server.server_address[1]}/internal/introspect"
    settings.INTROSPECT_SECRET = "known to orders and auth"
    yield server
    introspect._client().close()
    introspect._client.cache_clear()
    introspect._circuit.cache_clear()
    server.over.set()
    server.shutdown()
    server.server_close()


def active(issuer, **claims):
    return 200, json.dumps({"active": True, **issuer.claims(user_id=people.OPHELIA, **claims)}).encode()


class TestAskingAuth:
    @pytest.mark.parametrize("path", ["/anyone", "/users"])
    @pytest.mark.parametrize("how", ["cookie", "bearer"])
    def test_believes_what_auth_says(self, auth, issuer, path, how):
        auth.says = active(issuer)
        token = identity.Issuer("unknown-here").token()

        shown = {"cookie": token} if how == "cookie" else {"Authorization": f"Bearer {token}"}
        answer = ask(path, **shown)

        assert answer.json() == {"who": str(people.OPHELIA)}
        ((headers, form),) = auth.asked
        assert form == {"token": [token]}
        assert base64.b64decode(headers["Authorization"].split()[1]) == b"orders:known to orders and auth"

    def test_carries_the_name_of_the_request_on(self, auth, issuer):
        ask("/anyone", cookie=issuer.token(), X_Request_ID="walk-1")

        assert auth.asked[0][0]["X-Request-ID"] == "walk-1"

    def test_asks_again_for_every_request(self, auth, issuer):
        auth.says, token = active(issuer), issuer.token()
        assert ask("/users", cookie=token).status_code == 200

        auth.says = (200, b'{"active": false}')
        assert ask("/users", cookie=token).status_code == 401

    @pytest.mark.parametrize("said", [b'{"active": false}', b"{}", b'{"active": "true"}', b'{"active": 1}'])
    def test_refuses_what_auth_does_not_call_active(self, auth, issuer, said):
        auth.says = (200, said)

        assert ask("/users", cookie=issuer.token()).status_code == 401
        assert ask("/anyone", cookie=issuer.token()).json() == {"who": None}
        assert ask("/anyone", Authorization=f"Bearer {issuer.token()}").status_code == 401

    @pytest.mark.parametrize(
        "claims", [{"aud": "somebody-else"}, {"iss": "x"}, {"exp": 1}, {"sub": "x"}, {"sid": None}]
    )
    def test_refuses_a_token_that_is_not_for_us_whatever_auth_calls_it(self, auth, issuer, claims):
        auth.says = active(issuer, **claims)

        assert ask("/users", cookie=issuer.token()).status_code == 401

    @pytest.mark.parametrize(
        "says",
        [(500, b""), (503, b"{}"), (401, b"{}"), (200, b"[]"), (200, b"<html>"), (200, b"[" * 9000), ("hang up", b"")],
        ids=str,
    )
    @pytest.mark.parametrize("how", ["cookie", "bearer"])
    def test_judges_nobody_without_a_usable_answer(self, auth, issuer, says, how):
        auth.says = says
        shown = {"cookie": issuer.token()} if how == "cookie" else {"Authorization": f"Bearer {issuer.token()}"}

        for path in ("/anyone", "/users"):
            answer = ask(path, **shown)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"
            assert answer.json()["errors"][0]["code"] == "identity_unavailable"

    def test_gives_auth_two_seconds(self, auth, issuer):
        auth.says = ("slow", b"")

        began = time.monotonic()
        assert ask("/users", cookie=issuer.token()).status_code == 503
        assert time.monotonic() - began < 3  # the gateway's patience
        assert len(auth.asked) == 1

    def test_leaves_auth_alone_after_five_failures_and_tries_again_after_a_second(self, auth, issuer, monkeypatch):
        clock = [0.0]
        circuit = breaker.Breaker(failures=introspect._FAILURES, rest=introspect._REST, clock=lambda: clock[0])
        monkeypatch.setattr(introspect, "_circuit", functools.cache(lambda: circuit))
        token, auth.says = issuer.token(), (500, b"")
        answers = [ask("/users", cookie=token) for _ in range(8)]

        assert [answer.status_code for answer in answers] == [503] * 8
        assert {answer.json()["errors"][0]["code"] for answer in answers} == {"identity_unavailable"}
        assert len(auth.asked) == 5

        auth.says, clock[0] = active(issuer), 1.0
        assert [ask("/users", cookie=token).status_code for _ in range(2)] == [200, 200]

    def test_serves_nobody_in_particular_without_asking(self, auth):
        assert ask("/anyone").status_code == 200
        assert ask("/users").status_code == 401
        assert ask("/anyone", cookie="nonsense").json() == {"who": None}
        assert ask("/anyone", Authorization="Bearer " + "x" * 5000).status_code == 401
        assert auth.asked == []

    def test_needs_no_keys(self, auth, issuer):
        auth.says = active(issuer)
        with state.reading_from(identity.Held()):
            assert ask("/users", cookie=issuer.token()).status_code == 200


@pytest.fixture
def behind(settings, held):
    """This service believes what its gateway brings of auth, whose key is known here."""
    settings.IDENTITY_STRATEGY = "gateway"
    return held


def assertion(issuer, *, typ=tokens.ASSERTION_TYPE, **claims):
    usual = {"user_id": people.OPHELIA, "aud": "orders"}
    said = issuer.claims(**{**usual, **claims})
    return issuer.sign({**said, "exp": claims.get("exp", int(said["iat"]) + 30)}, typ=typ)


class TestBelievingTheGateway:
    @pytest.mark.parametrize("path", ["/anyone", "/users"])
    def test_knows_whom_auth_vouches_for(self, behind, path):
        answer = ask(path, X_Identity_Assertion=assertion(behind))

        assert answer.json() == {"who": str(people.OPHELIA)}

    @pytest.mark.parametrize(
        "forge",
        [
            lambda issuer: assertion(issuer, aud="payments"),
            lambda issuer: assertion(issuer, aud="admit-one"),
            lambda issuer: assertion(issuer, typ=tokens.TYPE),
            lambda issuer: assertion(issuer, exp=1),
            lambda issuer: assertion(issuer, exp=32_503_680_000),
            lambda issuer: assertion(identity.Issuer()),
            lambda issuer: issuer.token(),
            lambda issuer: assertion(issuer) + ", " + assertion(issuer),
            lambda issuer: str(people.OPHELIA),
            lambda issuer: "",
        ],
    )
    def test_refuses_every_other_word(self, behind, forge):
        for path in ("/anyone", "/users", "/admin/orders/"):
            assert ask(path, X_Identity_Assertion=forge(behind)).status_code == 401

    def test_refuses_a_session_whose_end_it_has_heard_of_itself(self, behind):
        session_id = uuid.uuid4()
        word = assertion(behind, session_id=session_id)
        before = state.current()
        ended = state.Snapshot(keys=before.keys, revoked=frozenset({session_id}), invalidated={})

        with state.reading_from(Only(ended)):
            assert ask("/users", X_Identity_Assertion=word).status_code == 401

    def test_does_not_look_at_credentials(self, behind):
        assert ask("/anyone", cookie=behind.token()).json() == {"who": None}
        assert ask("/users", cookie=behind.token()).status_code == 401

    def test_refuses_a_bearer_that_auth_does_not_vouch_for(self, behind):
        for path in ("/anyone", "/users"):
            assert ask(path, Authorization=f"Bearer {behind.token()}").status_code == 401

    def test_takes_the_word_over_the_bearer_it_is_about(self, behind):
        answer = ask("/users", Authorization="Bearer x", X_Identity_Assertion=assertion(behind))

        assert answer.json() == {"who": str(people.OPHELIA)}


@pytest.mark.parametrize("strategy", ["local", "introspect"])
def test_no_other_strategy_believes_an_assertion(settings, held, strategy):
    settings.IDENTITY_STRATEGY = strategy

    assert ask("/anyone", X_Identity_Assertion=assertion(held)).json() == {"who": None}
    assert ask("/users", X_Identity_Assertion=assertion(held)).status_code == 401


class Only(state.Source):
    def __init__(self, snapshot):
        self._snapshot = snapshot

    def current(self):
        return self._snapshot


class TestTheSetting:
    @contextlib.contextmanager
    def refused(self, monkeypatch, strategy):
        monkeypatch.setenv("IDENTITY_STRATEGY", strategy)
        with pytest.raises(ImproperlyConfigured) as refusal:
            yield refusal

    def settings(self):
        return base.settings(environment.Environment(), service="orders", app="tests.shared")

    def test_names_what_there_is(self, monkeypatch):
        with self.refused(monkeypatch, "trust") as refusal:
            self.settings()
        assert "local, introspect, gateway" in str(refusal.value)

    def test_to_ask_auth_needs_an_address_and_a_secret(self, monkeypatch):
        with self.refused(monkeypatch, "introspect") as refusal:
            self.settings()
        assert "INTROSPECT_URL, INTROSPECT_SECRET is not set" in str(refusal.value)

    def test_knows_the_same_names_as_the_choice(self):
        assert set(base.STRATEGIES) == set(choice.STRATEGIES)

    def test_reads_the_header_that_the_gateway_guards(self):
        routes = (homes.ROOT / "deploy" / "gateway" / "Caddyfile").read_text()

        assert f"copy_headers {gateway.HEADER}" in routes
