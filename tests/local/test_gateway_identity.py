"""The gateway that has auth judge credentials: when it asks, what it brings to a service, what it never believes."""

import http.server
import json
import ssl
import threading

import httpx
import pytest

from tests.local import caddy

CREDENTIALS = [
    {"Authorization": "Bearer t"},
    {"Authorization": "Basic t"},
    {"Cookie": "access_token=t"},
    {"Cookie": "theme=dark; access_token=t"},
    {"Cookie": "__Host-access_token=t"},
]
NO_CREDENTIALS = [{}, {"Cookie": "signed_in=1"}, {"Cookie": "not_access_token=t"}]


class Auth(http.server.BaseHTTPRequestHandler):
    """Vouches for nobody until the server's `says` gives a status and a word."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        status, word = self.server.says
        self.send_response(status)
        if word:
            self.send_header("X-Identity-Assertion", word)
        self.send_header("X-Identity-Roles", "admin")
        self.end_headers()

    def log_message(self, *args):
        """Silence."""


class Orders(http.server.BaseHTTPRequestHandler):
    """Tells back what it was brought."""

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        answer = json.dumps({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body})
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    do_GET = do_POST = do

    def log_message(self, *args):
        """Silence."""


@pytest.fixture(scope="module")
def upstreams():
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in (Auth, Orders)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def auth(upstreams):
    upstreams[0].asked, upstreams[0].says = [], (204, "a word")
    return upstreams[0]


def addresses(upstreams):
    names = ("AUTH_UPSTREAM", "ORDERS_UPSTREAM")
    return {name: f"127.0.0.1:{server.server_address[1]}" for name, server in zip(names, upstreams, strict=True)}


@pytest.fixture(scope="module")
def site(upstreams, tmp_path_factory):
    place = tmp_path_factory.mktemp("gateway")
    told = {"GATEWAY_IDENTITY": "gateway", **addresses(upstreams)}
    with caddy.serving(place, **told) as url, httpx.Client(base_url=url, timeout=10) as client:
        yield client


def brought(answer):
    """What the service was told of who is asking."""
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.json()["headers"].items() if name.lower().startswith("x-identity")}


class TestTheStrategyGateway:
    @pytest.mark.parametrize("shown", CREDENTIALS, ids=str)
    def test_brings_the_word_of_auth_and_nothing_else_of_it(self, site, auth, shown):
        assert brought(site.get("/api/orders", headers=shown)) == {"X-Identity-Assertion": "a word"}

        ((path, headers),) = auth.asked
        assert path == "/internal/assertion/orders"
        assert {name: headers[name] for name in shown} == shown

    @pytest.mark.parametrize("shown", NO_CREDENTIALS, ids=str)
    def test_does_not_ask_where_nothing_is_shown(self, site, auth, shown):
        assert brought(site.get("/api/orders", headers=shown)) == {}
        assert auth.asked == []

    @pytest.mark.parametrize("says", [(204, ""), (401, ""), (401, "a word")])
    def test_brings_no_word_that_auth_does_not_give(self, site, auth, says):
        auth.says = says

        assert brought(site.get("/api/orders", headers=CREDENTIALS[0])) == {}

    @pytest.mark.parametrize("says", [(204, ""), (204, "a word"), (401, "")])
    @pytest.mark.parametrize("name", ["X-Identity-Assertion", "x-identity-assertion", "X_Identity_Assertion"])
    def test_takes_no_word_from_a_client(self, site, auth, says, name):
        auth.says = says
        lie = {name: "a lie"}

        assert "a lie" not in brought(site.get("/api/orders", headers={**CREDENTIALS[0], **lie})).values()
        assert brought(site.get("/api/orders", headers=lie)) == {}
        assert not [headers for _, headers in auth.asked if "a lie" in headers.values()]

    def test_brings_the_request_as_it_was(self, site, auth):
        body = {"ticketId": "x"}

        told = site.post("/api/orders?a=1", json=body, headers=CREDENTIALS[2]).json()

        assert (told["method"], told["path"], json.loads(told["body"])) == ("POST", "/api/orders?a=1", body)
        assert not {"X-Forwarded-Uri", "X-Forwarded-Method"} & set(told["headers"])

    @pytest.mark.parametrize("status", [200, 302, 403, 404, 500, 503])
    def test_lets_nobody_through_unjudged(self, site, auth, status):
        auth.says = (status, "a word")
        answer = site.get("/api/orders", headers=CREDENTIALS[0])

        if status == 200:
            assert brought(answer)
            return
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["instance"] == "/api/orders"
        assert brought(site.get("/api/orders")) == {}


def test_without_auth_only_those_who_show_nothing_are_served(upstreams, tmp_path):
    told = {"GATEWAY_IDENTITY": "gateway", "ORDERS_UPSTREAM": addresses(upstreams)["ORDERS_UPSTREAM"]}
    with caddy.serving(tmp_path, **told) as url:
        assert httpx.get(f"{url}/api/orders", headers=CREDENTIALS[0], timeout=10).status_code == 503
        assert httpx.get(f"{url}/api/orders").status_code == 200


@pytest.mark.parametrize("strategy", ["local", "introspect"])
def test_the_other_strategies_do_not_ask_and_bring_no_word(upstreams, auth, tmp_path, strategy):
    with caddy.serving(tmp_path, GATEWAY_IDENTITY=strategy, **addresses(upstreams)) as url:
        lie = {**CREDENTIALS[0], "X-Identity-Assertion": "a lie"}
        assert brought(httpx.get(f"{url}/api/orders", headers=lie)) == {}
    assert auth.asked == []


def test_on_https_it_is_known_by_an_authority_of_its_own(upstreams, tmp_path):
    with caddy.serving(tmp_path, scheme="https", **addresses(upstreams)) as url:
        trust = ssl.create_default_context(cafile=caddy.root(tmp_path))
        told = httpx.get(f"{url}/api/orders", verify=trust).json()["headers"]
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/api/orders")

    assert told["X-Forwarded-Proto"] == "https"
