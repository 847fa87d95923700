"""The gateway alone, before services that are one small program: what it lets through, what it answers itself."""

import contextlib
import http.server
import json
import re
import threading
import time

import httpx
import pytest

from deploy.local import gateway, ports, services
from tests.local import caddy

LARGEST = 1_000_000


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers with the headers it was sent; slow, or not at all, when the path says so."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(f"{self.command} {self.path}")
        if "slow" in self.path:
            self.server.slow.wait(10)
        if "reset" in self.path:
            self.close_connection = True
            return
        told = {"headers": [list(pair) for pair in self.headers.items()], "length": len(body)}
        answer = json.dumps(told).encode()
        self.send_response(503 if "/readyz" in self.path and self.server.away else 200)
        self.send_header("Server", "upstream/1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(answer)

    do_GET = do_POST = do

    def log_message(self, *args):
        """Silence."""


@pytest.fixture(scope="module")
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.slow, server.away = threading.Event(), False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.slow.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def site(upstream, tmp_path_factory):
    """The gateway before auth (the upstream) and three services that are down."""
    place = tmp_path_factory.mktemp("gateway")
    with (
        caddy.serving(place, AUTH_UPSTREAM=f"127.0.0.1:{upstream.server_address[1]}") as url,
        httpx.Client(base_url=url, timeout=10) as client,
    ):
        yield client


def assert_is_problem(answer, status, code):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert [error["code"] for error in problem["errors"]] == [code]
    assert problem["errors"][0]["message"] == problem["detail"]
    assert problem["instance"] == answer.request.url.raw_path.decode().partition("?")[0]


class TestRoutes:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/users/signup",
            "/api/users/signup/",
            "/.well-known/jwks.json",
            "/admin/",
            "/admin",
            "/admin/auth/x",
        ],
    )
    def test_auth_gets_its_paths_as_they_are(self, site, path):
        Upstream.seen.clear()

        assert site.get(path).status_code == 200
        assert Upstream.seen == [f"GET {path}"]

    @pytest.mark.parametrize(
        "path", ["/api/tickets", "/api/orders/1", "/api/payments/", "/admin/tickets/", "/admin/orders/login/"]
    )
    def test_others_go_to_others(self, site, path):
        Upstream.seen.clear()

        assert site.get(path).status_code == 503
        assert Upstream.seen == []

    @pytest.mark.parametrize(
        "path",
        [
            "/livez",
            "/readyz",
            "/metrics",
            "/internal/introspect",
            "//internal/introspect",
            "/%69nternal/introspect",
            "/api/users/../../internal/introspect",
            "/api/users/%2e%2e/%2e%2e/metrics",
            "/api/nothing",
            "/no/such/page",
        ],
    )
    def test_what_is_not_public_is_not_there(self, site, path):
        Upstream.seen.clear()

        answer = site.send(site.build_request("GET", httpx.URL(str(site.base_url), raw_path=path.encode())))

        assert_is_problem(answer, 404, "not_found")
        assert Upstream.seen == []

    def test_of_several_processes_of_a_service_one_that_is_there_is_asked(self, upstream, tmp_path):
        alive, gone = (f"127.0.0.1:{port}" for port in (upstream.server_address[1], ports.free()))

        with caddy.serving(tmp_path, ORDERS_UPSTREAM=f"{gone} {alive}") as url, httpx.Client(base_url=url) as client:
            answers = {client.post("/api/orders", content=b"{}").status_code for _ in range(10)}

        assert answers == {200}

    def test_the_health_of_a_service_is_said_without_its_details(self, site, upstream):
        assert site.get("/status/auth").json() == {"service": "auth", "status": "ready"}
        assert_is_problem(site.get("/status/orders"), 503, "unavailable")

        upstream.away = True
        try:
            assert_is_problem(site.get("/status/auth"), 503, "unavailable")
        finally:
            upstream.away = False


class TestHeaders:
    CLAIMS = (
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-User",
        "X-Forwarded-Host",
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "X-Identity-Assertion",
        "X-User-Id",
        "X-Auth-Request-Email",
        "X-Remote-User",
        "Remote-User",
        "X-Original-URL",
        "X-HTTP-Method-Override",
        "X_Forwarded_For",
        "Remote_User",
    )

    def test_nothing_is_believed_that_a_client_claims(self, site):
        seen = site.get("/api/users/x", headers=dict.fromkeys(self.CLAIMS, "mallory")).json()["headers"]

        assert not [name for name, value in seen if "mallory" in value]
        told = {name.lower(): value for name, value in seen}
        assert told["x-forwarded-for"] == "127.0.0.1"
        assert told["x-forwarded-proto"] == "http"

    def test_who_stands_before_it_is_believed_about_where_a_request_came_from_alone(self, upstream, tmp_path):
        claimed = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-User": "admin", "X-Forwarded-Host": "elsewhere"}
        auth = f"127.0.0.1:{upstream.server_address[1]}"

        with caddy.serving(tmp_path, AUTH_UPSTREAM=auth, GATEWAY_PROXIES="10.0.0.0/8 127.0.0.0/8") as url:
            told = dict(httpx.get(f"{url}/api/users/currentuser", headers=claimed).json()["headers"])
            direct = dict(httpx.get(f"{url}/api/users/currentuser").json()["headers"])

        assert told["X-Forwarded-For"] == "203.0.113.7, 127.0.0.1"
        assert direct["X-Forwarded-For"] == "127.0.0.1"
        assert "X-Forwarded-User" not in told
        assert "elsewhere" not in told["X-Forwarded-Host"]

    def test_a_proxy_elsewhere_makes_nobody_else_believed(self, upstream, tmp_path):
        auth = f"127.0.0.1:{upstream.server_address[1]}"

        with caddy.serving(tmp_path, AUTH_UPSTREAM=auth, GATEWAY_PROXIES="10.0.0.0/8") as url:
            answer = httpx.get(f"{url}/api/users/currentuser", headers={"X-Forwarded-For": "203.0.113.7"})

        assert dict(answer.json()["headers"])["X-Forwarded-For"] == "127.0.0.1"

    def test_credentials_and_preconditions_go_through(self, site):
        sent = {"Authorization": "Bearer t", "Cookie": "access_token=t", "If-Match": '"1"', "Idempotency-Key": "k"}

        seen = dict(site.get("/api/users/x", headers=sent).json()["headers"])

        assert {name: seen[name] for name in sent} == sent

    @pytest.mark.parametrize("path", ["/", "/api/users/x", "/api/orders", "/livez"])
    def test_no_answer_names_the_software(self, site, path):
        answer = site.get(path)

        assert "server" not in answer.headers
        assert "via" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "referrer-policy" in answer.headers

    def test_a_request_without_a_usable_id_gets_one(self, site):
        given = dict(site.get("/api/users/x", headers={"X-Request-ID": "a-1"}).json()["headers"])
        made = dict(site.get("/api/users/x", headers={"X-Request-ID": "a b"}).json()["headers"])

        assert given["X-Request-Id"] == "a-1"
        assert len(made["X-Request-Id"]) == 36

    @pytest.mark.parametrize("path", ["/", "/api/docs/", "/api/docs/events/"])
    def test_its_own_pages_allow_nothing_inline_and_no_frame(self, site, path):
        answer = site.get(path)

        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert answer.text.count("<script") == answer.text.count("<script src=")


class TestTrouble:
    def test_a_dead_service_is_a_503_within_three_seconds(self, site):
        began = time.monotonic()

        answer = site.post("/api/orders", json={"ticketId": "x"})

        assert_is_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert time.monotonic() - began < 3.2

    def test_a_slow_service_is_a_503_after_three_seconds(self, site):
        Upstream.seen.clear()
        began = time.monotonic()

        answer = site.get("/api/users/slow")

        assert_is_problem(answer, 503, "unavailable")
        assert 2.5 < time.monotonic() - began < 4
        assert Upstream.seen == ["GET /api/users/slow"]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_what_a_service_may_have_begun_is_not_sent_again(self, site, method):
        Upstream.seen.clear()

        answer = site.request(method, "/api/users/reset", headers={"Idempotency-Key": "k"})

        assert_is_problem(answer, 503, "unavailable")
        assert Upstream.seen == [f"{method} /api/users/reset"]

    def test_a_large_body_is_a_413_and_no_service_hears_of_it(self, site):
        Upstream.seen.clear()

        assert_is_problem(site.post("/api/users/signup", content=b"x" * (LARGEST + 1)), 413, "too_large")
        assert Upstream.seen == []
        assert site.post("/api/users/signup", content=b"x" * (LARGEST - 1)).json()["length"] == LARGEST - 1

    def test_a_body_without_a_length_is_a_411(self, site):
        """A service behind WSGI would see an empty one."""
        assert_is_problem(site.post("/api/users/signup", content=iter([b"{}"])), 411, "length_required")

    def test_a_page_can_only_be_read(self, site):
        assert_is_problem(site.post("/"), 405, "method_not_allowed")

    def test_a_path_is_told_back_in_a_form_that_cannot_break_the_answer(self, site):
        answer = site.get('/api/nothing/%22,"\\<b>')

        assert answer.json()["instance"] == "/api/nothing/%22,%22%5C%3Cb%3E"


class TestPages:
    def test_the_front_page_leads_to_docs_admin_and_the_health_of_each_service(self, site):
        page = site.get("/").text

        for link in ("/api/docs/", "/admin/", *(f"/status/{service}" for service in services.NAMES)):
            assert f'href="{link}"' in page

    def test_everything_the_docs_need_comes_from_this_origin(self, site):
        page = site.get("/api/docs/").text

        assert site.get("/api/docs", follow_redirects=False).headers["location"] == "/api/docs/"
        links = [piece.split('"')[0] for piece in page.replace("src=", "href=").split('href="')[1:]]
        assets = [link for link in links if link.endswith((".js", ".css", ".svg"))]
        assert len(assets) == 6
        assert all(link.startswith("/") and site.get(link).status_code == 200 for link in assets)
        assert all(f"/api/{name}/schema/" in page for name in ("users", "tickets", "orders", "payments"))

    def test_the_docs_lead_to_the_events_whose_page_reads_the_committed_document(self, site):
        page, document = site.get("/api/docs/events/"), site.get("/api/docs/events.json")

        assert '<a href="/api/docs/events/">' in site.get("/api/docs/").text
        assert site.get("/api/docs/events", follow_redirects=False).headers["location"] == "/api/docs/events/"
        assert page.headers["content-type"].startswith("text/html")
        assert document.headers["content-type"] == "application/json"
        assert document.content == (gateway.DOCUMENTS / "events.json").read_bytes()
        assert document.headers["content-security-policy"] == page.headers["content-security-policy"]
        assert '"/api/docs/events.json"' in site.get("/api/docs/events/events.js").text

    def test_no_other_document_comes_with_it(self, site):
        assert_is_problem(site.get("/api/docs/orders.json"), 404, "not_found")

    @pytest.mark.parametrize("path", ["/", "/api/docs/events/"])
    def test_pages_take_nothing_from_elsewhere(self, site, path):
        links = re.findall(r'(?:src|href)="([^"]+)"', site.get(path).text)

        assets = [link for link in links if link.endswith((".js", ".css", ".svg", ".json"))]
        assert assets
        assert all(link.startswith("/") and site.get(link).status_code == 200 for link in assets)

    def test_somebody_with_cookies_never_gets_a_bare_304(self, site):
        tag = site.get("/").headers["etag"]

        assert site.get("/", headers={"If-None-Match": tag}).status_code == 304
        assert site.get("/", headers={"If-None-Match": tag, "Cookie": "access_token=t"}).status_code == 200
