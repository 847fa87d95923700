import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import connection

from shared.http import problems
from tests.shared.http.playhouse import models

UNAVAILABLE = (503, "unavailable", {"Retry-After": "1"})
EXPECTED = {
    "invalid": (400, "invalid", {}),
    "unauthenticated": (401, "not_authenticated", {}),
    "declined": (402, "declined", {}),
    "forbidden": (403, "forbidden", {}),
    "not_found": (404, "not_found", {}),
    "conflict": (409, "theatre_closed", {}),
    "too_many": (429, "too_many_requests", {"Retry-After": "7"}),
    "unavailable": (503, "unavailable", {"Retry-After": "3"}),
    "http404": (404, "not_found", {}),
    "permission": (403, "forbidden", {}),
    "suspicious": (400, "malformed", {}),
    "too_big": (413, "too_large", {}),
    "unicode": (400, "malformed", {}),
    "operational": UNAVAILABLE,
    "interface": UNAVAILABLE,
    "deadlock": UNAVAILABLE,
    "throttled": (429, "throttled", {"Retry-After": "5"}),
    "bug": (500, "internal_error", {}),
}


def assert_is_problem(response, status, path):
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-ID"]
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}
    assert (body["status"], body["instance"]) == (status, path)
    assert body["errors"]
    for error in body["errors"]:
        assert error["message"]
        assert error["code"]
    return body


@pytest.mark.django_db(transaction=True)
class TestEveryFailure:
    @pytest.mark.parametrize("place", ["failing", "failing-page"], ids=["of an API view", "of a plain view"])
    @pytest.mark.parametrize(("kind", "expected"), EXPECTED.items(), ids=EXPECTED)
    def test_is_a_problem_document(self, nobody, place, kind, expected):
        status, code, headers = expected
        if (place, kind) == ("failing-page", "throttled"):
            code = "throttled"
        path = f"/api/{place}/{kind}"

        response = nobody.get(path)

        body = assert_is_problem(response, status, path)
        assert body["errors"][0]["code"] == code
        assert {name: response.headers[name] for name in headers} == headers
        assert "secret" not in response.content.decode()

    def test_names_the_member_to_blame(self, nobody):
        (error,) = nobody.get("/api/failing/invalid").json()["errors"]

        assert error == {"message": "Too long.", "field": "startsAt", "code": "invalid"}

    def test_of_ours_shows_nothing_of_its_cause(self, nobody):
        text = nobody.get("/api/failing/bug").content.decode()

        assert "ZeroDivision" not in text
        assert "Traceback" not in text


@pytest.mark.django_db
class TestRefusalsOfTheFramework:
    def test_of_an_unknown_path(self, nobody):
        assert_is_problem(nobody.get("/api/nowhere"), 404, "/api/nowhere")

    def test_of_a_method_tell_which_are_allowed(self, hamlet):
        response = hamlet.put("/api/plays")

        assert_is_problem(response, 405, "/api/plays")
        assert response.headers["Allow"] == "GET, POST, HEAD, OPTIONS"

    def test_of_a_method_by_a_plain_view_tell_it_too(self, nobody):
        response = nobody.get("/api/only-post")

        assert_is_problem(response, 405, "/api/only-post")
        assert response.headers["Allow"] == "POST"

    def test_without_credentials_name_the_scheme(self, nobody):
        response = nobody.get("/api/plays")

        assert_is_problem(response, 401, "/api/plays")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")

    def test_of_somebody_who_may_not_ask_at_all(self, hamlet):
        response = hamlet.get("/api/stage-only")

        assert response.status_code in (403, 503)  # 503 as long as this service has no copy of that user
        assert_is_problem(response, response.status_code, "/api/stage-only")

    @pytest.mark.parametrize("query", ["q=%00", "q=%FF", "%ED%A0%80=1", "q=a%00b", "limit=%C0%AF"])
    def test_of_a_query_that_is_no_text(self, nobody, query):
        assert_is_problem(nobody.get(f"/api/failing/none?{query}"), 400, "/api/failing/none")

    def test_of_more_parameters_than_anybody_needs(self, hamlet):
        query = "&".join(f"a{number}=1" for number in range(2000))

        assert_is_problem(hamlet.get(f"/api/plays?{query}"), 400, "/api/plays")

    @pytest.mark.parametrize(
        ("exception", "status"),
        [(SuspiciousOperation("secret words"), 400), (RequestDataTooBig("secret words"), 413), (None, 400)],
    )
    def test_of_a_middleware_are_told_apart(self, rf, exception, status):
        response = problems.bad_request(rf.post("/page"), exception)

        assert response.status_code == status
        assert "secret" not in response.content.decode()

    def test_of_a_body_of_unknown_length(self, hamlet):
        response = hamlet.client.generic(
            "POST", "/api/plays", headers=hamlet.headers | {"Transfer-Encoding": "chunked"}, CONTENT_LENGTH=""
        )

        assert_is_problem(response, 411, "/api/plays")

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*;q=0.1", "nonsense"])
    def test_of_a_format_do_not_exist(self, hamlet, accept):
        assert hamlet.get("/api/plays", Accept=accept).headers["Content-Type"] == "application/json"
        assert hamlet.get("/api/plays?format=xml", Accept=accept).status_code == 200

    def test_escape_the_path_they_repeat(self, nobody):
        body = assert_is_problem(nobody.get("/api/<script>"), 404, "/api/%3Cscript%3E")

        assert "<script>" not in str(body)

    def test_of_an_admin_page_are_left_as_they_are(self, nobody):
        assert nobody.get("/admin/page").headers["Content-Type"].startswith("text/html")


@pytest.mark.django_db(transaction=True)
class TestDatabaseAway:
    @pytest.fixture
    def _away(self, monkeypatch):
        """The connection is lost and no new one can be made."""
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "PORT", "9")
        yield
        connection.close()

    @pytest.mark.usefixtures("_away")
    def test_is_a_503_that_says_when_to_come_again(self, hamlet):
        response = hamlet.get("/api/plays")

        body = assert_is_problem(response, 503, "/api/plays")
        assert response.headers["Retry-After"] == "1"
        assert "127.0.0.1" not in str(body)

    @pytest.mark.usefixtures("_away")
    def test_is_a_503_for_a_write_too(self, hamlet):
        response = hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}, **{"Idempotency-Key": "k"})

        assert response.status_code == 503

    def test_over_everything_works_again(self, hamlet):
        connection.close()

        assert hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}).status_code == 201
        assert models.Play.objects.count() == 1


class TestDetail:
    def test_is_all_messages_in_a_row(self):
        entries = [{"message": "One.", "code": "a"}, {"message": "Two.", "code": "b"}]

        document = problems.document(400, entries, instance="/api/x")

        assert document["detail"] == "One. Two."
        assert document["title"] == "Bad Request"
        assert document["type"] == "urn:admit-one:problem:a"
