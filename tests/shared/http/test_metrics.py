"""What is counted of requests: everything that is answered, by whomever, and under names that come to an end."""

import pytest

from shared.http import metrics, paths
from shared.testing import measures

pytestmark = pytest.mark.django_db


def counting(method, route, status):
    labels = {"http_request_method": method, "http_route": route, "http_response_status_code": str(status)}
    return measures.moving("http_server_request_duration_seconds_count", **labels)


def names(label):
    (family,) = metrics.request_seconds.collect()
    return {sample.labels[label] for sample in family.samples}


class TestRequests:
    def test_count_by_method_route_and_status(self, hamlet):
        route, one = "/api/plays", "/api/plays/<str:play_id>"
        created, refused = counting("POST", route, 201), counting("POST", route, 400)
        found, missing = counting("GET", one, 200), counting("GET", one, 404)

        play = hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}).json()
        hamlet.post("/api/plays/", {"title": "Hamlet", "price": -5})
        hamlet.get(f"/api/plays/{play['id']}")
        hamlet.get("/api/plays/nothing")

        assert created() == refused() == found() == missing() == 1

    def test_that_fail_are_counted_as_what_the_caller_saw(self, nobody):
        bug, away = (counting("GET", "/api/failing/<str:kind>", status) for status in (500, 503))

        nobody.get("/api/failing/bug")
        nobody.get("/api/failing/unavailable")

        assert bug() == away() == 1

    def test_that_a_middleware_refuses_are_counted_too(self, nobody):
        """A measure inside of the other middlewares would see none of these."""
        unproven, malformed = counting("GET", "", 401), counting("GET", "", 400)

        nobody.get("/api/plays", Authorization="Bearer nonsense")
        nobody.get("/api/plays?%ff")

        assert unproven() == malformed() == 1

    def test_to_nowhere_have_no_route(self, nobody):
        lost, nowhere = counting("GET", "", 404), ("/wp-admin", "/api/nothing", "/.env")

        for path in nowhere:
            nobody.get(path)

        assert lost() == 3
        assert not set(nowhere) & names("http_route")

    def test_with_a_word_for_a_method_share_one(self, nobody):
        odd = counting("_OTHER", "/page", 200)

        for word in ("BREW", "WHEN", "PROPFIND"):
            nobody.client.generic(word, "/page")

        assert odd() == 3
        assert names("http_request_method") <= paths.METHODS | {"_OTHER"}

    def test_of_supervisors_and_collectors_are_not_counted(self, nobody):
        for path in ("/livez", "/readyz/", "/metrics"):
            nobody.get(path)

        assert not {"/livez", "/readyz", "/metrics"} & names("http_route")

    def test_are_under_way_until_they_are_answered(self, hamlet, script):
        seen = []
        script.before = lambda: seen.append(measures.count("http_server_active_requests"))

        hamlet.post("/api/plays", {"title": "Hamlet", "price": 5})

        assert seen == [1]
        assert measures.count("http_server_active_requests") == 0

    def test_come_without_a_second_series_for_their_birth(self, nobody):
        assert "_created" not in nobody.get("/metrics").content.decode()
