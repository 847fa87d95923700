import re
import uuid

import pytest
import structlog
from django.db import OperationalError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared import errors, tracing
from shared.http import middleware
from shared.messaging import recovery

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
STEP = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

pytestmark = pytest.mark.django_db


class TestRequestId:
    @pytest.mark.parametrize("given", ["x", "a-b_C9", "x" * 64, "8e03978e-40d5-43e8-bc93-6894a57f9324"])
    def test_of_the_caller_is_kept(self, nobody, given):
        assert nobody.get("/api/action", **{"X-Request-ID": given}).headers["X-Request-ID"] == given

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a.b", "é", "<script>", "a\u2028", "${jndi:ldap://x}"])
    def test_that_could_be_mistaken_is_replaced(self, nobody, given):
        answered = nobody.get("/api/action", **{"X-Request-ID": given}).headers["X-Request-ID"]

        assert answered != given
        assert uuid.UUID(answered)

    def test_is_there_for_everything_the_request_causes_and_for_nothing_after(self, hamlet, script):
        seen = []
        script.before = lambda: seen.append(tracing.request_id.get())

        hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}, **{"X-Request-ID": "elsinore"})

        assert seen == ["elsinore"]
        assert tracing.request_id.get() is None

    def test_names_failures_too(self, nobody):
        assert nobody.get("/api/failing/bug", **{"X-Request-ID": "rotten"}).headers["X-Request-ID"] == "rotten"


class TestTrace:
    def test_goes_on_with_a_step_of_our_own(self, nobody):
        trace, step, flags = STEP.fullmatch(
            nobody.get("/api/action", traceparent=TRACEPARENT).headers["traceparent"]
        ).groups()

        assert (trace, flags) == (TRACE, "01")
        assert step != "00f067aa0ba902b7"

    def test_of_a_later_version_is_understood_as_far_as_we_can(self, nobody):
        answered = nobody.get("/api/action", traceparent=f"cc-{TRACE}-00f067aa0ba902b7-00-what-the-future-brings")

        assert STEP.fullmatch(answered.headers["traceparent"]).group(1, 3) == (TRACE, "00")

    @pytest.mark.parametrize(
        "given",
        ["", "x", TRACEPARENT.upper(), TRACEPARENT[:-1], f"{TRACEPARENT}x", f"ff-{TRACE}-00f067aa0ba902b7-01",
         f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01"],
    )  # fmt: skip
    def test_that_is_invalid_begins_anew(self, nobody, given):
        answered = nobody.get("/api/action", traceparent=given).headers["traceparent"]

        assert STEP.fullmatch(answered).group(1) != TRACE

    def test_reaches_everything_the_request_causes(self, hamlet, script):
        seen = []
        script.before = lambda: seen.append(tracing.traceparent.get())

        response = hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}, traceparent=TRACEPARENT)

        assert seen == [response.headers["traceparent"]]


class TestLogLine:
    @pytest.fixture
    def lines(self, monkeypatch):
        captured = structlog.testing.LogCapture()
        logger = structlog.wrap_logger(None, processors=[captured])
        monkeypatch.setattr(middleware, "log", logger)
        return captured.entries

    def test_says_who_asked_what_and_how_it_ended(self, hamlet, lines):
        hamlet.get("/api/plays?q=secret")

        (line,) = lines
        took = line.pop("milliseconds")
        assert took >= 0
        assert line == {
            "event": "request",
            "log_level": "info",
            "method": "GET",
            "path": "/api/plays",
            "status": 200,
            "user_id": str(hamlet.user_id),
        }

    def test_knows_no_user_where_there_is_none(self, nobody, lines):
        nobody.get("/api/nowhere")

        assert (lines[0]["status"], lines[0]["user_id"]) == (404, None)

    @pytest.mark.parametrize("path", ["/livez", "/metrics/"])
    def test_is_not_written_for_probes(self, nobody, lines, path):
        nobody.get(path)

        assert lines == []


class TestHeaders:
    @pytest.mark.parametrize(
        "path", ["/api/action", "/api/nowhere", "/api/failing/bug", "/page", "/livez", "/api/plays"]
    )
    def test_of_every_answer(self, nobody, path):
        headers = nobody.get(path).headers

        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers
        assert not [name for name in headers if name.lower().startswith("access-control-")]

    def test_of_a_page_forbid_inline_scripts_and_frames(self, nobody):
        policy = nobody.get("/page").headers["Content-Security-Policy"]

        assert "'unsafe-inline'" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy

    def test_of_json_need_no_policy(self, nobody):
        assert "Content-Security-Policy" not in nobody.get("/livez").headers


def cross_site(response):
    if response.status_code == 403:
        assert response.json()["errors"][0]["code"] == "cross_site"
        return True
    assert response.content == b"done"
    return False


class TestCrossSiteRule:
    COOKIE = {"Cookie": "access_token=x"}

    def refuses(self, caller, path="/api/action", method="POST", **headers):
        return cross_site(caller.client.generic(method, path, headers=headers))

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "same-origin, none"])
    def test_refuses_other_sites_and_what_no_browser_says(self, nobody, site):
        assert self.refuses(nobody, **self.COOKIE, **{"Sec-Fetch-Site": site})

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    @pytest.mark.parametrize("origin", [{}, {"Origin": "https://evil.example"}], ids=["no origin", "another origin"])
    def test_believes_fetch_metadata_before_the_origin(self, nobody, site, origin):
        assert not self.refuses(nobody, **self.COOKIE, **{"Sec-Fetch-Site": site}, **origin)

    @pytest.mark.parametrize(
        "origin",
        ["null", "https://testserver", "http://testserver:80", "http://testserver.evil.example", "",
         "http://evil.example", "http://testserver/", "http://TESTSERVER", "http://testserver http://evil.example"],
    )  # fmt: skip
    def test_refuses_another_origin(self, nobody, origin):
        assert self.refuses(nobody, **self.COOKIE, Origin=origin)

    def test_lets_its_own_origin_pass(self, nobody):
        assert not self.refuses(nobody, **self.COOKIE, Origin="http://testserver")

    def test_lets_pass_who_is_no_browser(self, nobody):
        assert not self.refuses(nobody, **self.COOKIE)

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE", "post"])
    def test_holds_for_every_unsafe_method(self, nobody, method):
        assert self.refuses(nobody, method=method, **self.COOKIE, Origin="null")

    @pytest.mark.parametrize("method", ["GET", "OPTIONS"])
    def test_does_not_hold_for_reading(self, nobody, method):
        assert not self.refuses(nobody, method=method, **self.COOKIE, Origin="null")

    def test_does_not_hold_for_a_bearer_without_a_cookie(self, hamlet):
        assert not self.refuses(hamlet, **hamlet.headers, Origin="https://partner.example")

    @pytest.mark.parametrize(
        "path",
        ["/api/users/signin", "/api/users/signup/", "/api/users/signout", "/admin/", "/admin"],
    )
    def test_holds_for_signing_in_and_out_without_a_cookie(self, nobody, path):
        response = nobody.client.post(path, headers={"Sec-Fetch-Site": "cross-site"})

        assert cross_site(response)

    @pytest.mark.parametrize("path", ["/api/users/signin", "/api/users/signup/"])
    def test_lets_pass_who_signs_in_here(self, nobody, path):
        assert not cross_site(nobody.client.post(path, headers={"Sec-Fetch-Site": "same-origin"}))

    @hypothesis_settings(max_examples=60, deadline=None)
    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
    def test_takes_no_other_text_for_its_own_origin(self, origin):
        request = middleware.HttpRequest()
        request.META["HTTP_ORIGIN"] = origin

        assert middleware._from_here(request) == (origin == "http://testserver")


def away():
    raise errors.Unavailable("Back soon.", retry_after=7)


def dead():
    raise OperationalError("the server closed the connection")


def here():
    """Lets everything pass."""


class TestWrites:
    @pytest.fixture
    def guarded(self, settings):
        def by(*guards):
            settings.WRITE_GUARDS = [f"{__name__}.{guard.__name__}" for guard in guards]

        return by

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_are_refused_while_a_guard_says_so(self, client, guarded, method):
        guarded(here, away)

        answer = client.generic(method, "/api/plays")

        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "7"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["errors"] == [{"message": "Back soon.", "code": "unavailable"}]

    def test_are_told_to_come_again_where_the_database_is_away(self, client, guarded):
        guarded(dead)

        answer = client.post("/api/plays")

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert "connection" not in answer.text

    def test_do_not_keep_anybody_from_reading(self, nobody, guarded):
        guarded(away)

        assert nobody.get("/api/action").status_code == 200

    @pytest.mark.parametrize("path", ["/api/users/resume", "/api/users/resume/?next=/"])
    def test_are_also_what_a_renewal_on_the_way_to_a_page_does(self, nobody, guarded, path):
        guarded(away)

        assert nobody.get(path).status_code == 503

    def test_pass_where_no_guard_minds(self, hamlet, guarded):
        guarded(here)

        assert hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}).status_code == 201

    def test_are_guarded_in_every_service_while_it_recovers(self, hamlet):
        recovery.refuse_writes.forget()
        recovery.begin(epoch=2)

        answer = hamlet.post("/api/plays", {"title": "Hamlet", "price": 5})
        recovery.refuse_writes.forget()

        assert answer.status_code == 503
        assert answer.json()["errors"][0]["code"] == "recovering"
