"""What is told of a request, and of one that a service makes itself."""

import json

import httpx
import pytest
from opentelemetry.trace import SpanKind

from shared import tracing
from shared.http import calls
from shared.testing import collector

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SECRET = "to-be-or-not"

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept():
    with collector.kept() as kept:
        yield kept


class TestRequest:
    def test_is_told_by_its_route(self, hamlet, kept):
        answer = hamlet.get("/api/plays/42", **{"X-Request-ID": "elsinore"})

        span = kept.one()
        assert (span.name, span.kind) == ("GET /api/plays/<str:play_id>", SpanKind.SERVER)
        assert span.attributes == {
            "http.request.method": "GET",
            "http.route": "/api/plays/<str:play_id>",
            "http.response.status_code": 404,
            "admit_one.request_id": "elsinore",
        }
        assert answer.headers["traceparent"].split("-")[1:3] == [
            f"{span.context.trace_id:032x}",
            f"{span.context.span_id:016x}",
        ]
        assert span.status.is_unset

    def test_goes_on_with_the_trace_of_its_caller(self, nobody, kept):
        nobody.get("/api/action", traceparent=TRACEPARENT)

        span = kept.one()
        assert f"{span.context.trace_id:032x}-{span.parent.span_id:016x}" == TRACEPARENT[3:-3]

    def test_of_a_neighbour_is_recorded_only_where_the_neighbour_is(self, nobody, kept):
        answer = nobody.get("/api/action", traceparent=f"{TRACEPARENT[:-1]}0")

        assert answer.headers["traceparent"].endswith("-00")
        assert kept.spans() == []

    def test_of_a_stranger_is_recorded_whatever_the_stranger_says(self, nobody, kept):
        answer = nobody.get("/api/action", traceparent=f"{TRACEPARENT[:-1]}0", **{"X-Forwarded-For": "192.0.2.7"})

        assert answer.headers["traceparent"].endswith("-01")
        assert kept.names() == ["GET /api/action"]

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/livez/"])
    def test_of_a_probe_is_told_to_nobody(self, nobody, kept, path):
        assert nobody.get(path, traceparent=TRACEPARENT).status_code in (200, 503)

        assert kept.spans() == []

    @pytest.mark.parametrize(("path", "status"), [("/api/failing/bug", 500), ("/api/failing-page/operational", 503)])
    def test_that_fails_is_told_by_its_status_alone(self, nobody, kept, path, status):
        nobody.get(path)

        span = kept.one()
        assert (span.attributes["error.type"], span.status.is_ok) == (str(status), False)
        assert "secret words" not in span.to_json()

    def test_says_nothing_of_what_was_sent(self, hamlet, kept):
        headers = {"User-Agent": SECRET, "Referer": f"/{SECRET}", "X-Forwarded-For": f"{SECRET}, 192.0.2.7"}
        hamlet.client.cookies["access_token"] = SECRET
        hamlet.post(f"/api/plays?token={SECRET}", {"title": SECRET, "price": 5}, **headers)
        hamlet.get(f"/api/plays/{SECRET}", **headers)
        hamlet.get(f"/nowhere/{SECRET}", **headers)
        hamlet.client.generic(SECRET.upper(), "/api/action")

        told = json.dumps([json.loads(span.to_json()) for span in kept.spans()]).lower()
        assert len(kept.spans()) == 4
        assert SECRET not in told
        assert "192.0.2.7" not in told
        assert str(hamlet.user_id) not in told
        assert kept.names()[2:] == ["GET", "_OTHER /api/action"]


class TestCall:
    URL = "http://asker:secret@auth.internal:8000/internal/introspect?secret"

    def test_is_told_by_where_it_goes(self, kept):
        with calls.call("POST", self.URL) as call:
            call.answered(httpx.Response(200))

        span = kept.one()
        assert (span.name, span.kind) == ("POST /internal/introspect", SpanKind.CLIENT)
        assert span.attributes == {
            "http.request.method": "POST",
            "server.address": "auth.internal",
            "server.port": 8000,
            "http.response.status_code": 200,
        }

    def test_tells_the_other_side_what_it_is_for(self, kept):
        with tracing.bind(request="elsinore", trace=TRACEPARENT), calls.call("GET", self.URL) as call:
            headers = call.headers

        step = f"{kept.one().context.span_id:016x}"
        assert headers == {"X-Request-ID": "elsinore", "traceparent": f"00-{TRACE}-{step}-01"}

    def test_that_is_refused_has_failed(self, kept):
        with calls.call("GET", self.URL) as call:
            call.answered(httpx.Response(403))

        assert (kept.one().attributes["error.type"], kept.one().status.is_ok) == ("403", False)
