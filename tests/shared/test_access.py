"""The table of who may do what is complete, or says where it is not."""

import pytest
from django.http import HttpResponse, JsonResponse
from django.urls import include, path

from shared.testing import access

OWN = """
                      anonymous buyer seller other support moderator finance admin banned
GET  api/plays              200   200    200   200     200       200     200   200    401
GET  api/plays/<int:id> [a tragedy]
                            401   200    404   404     200       200     200   200    401
POST api/nowhere            401   201    201   201     201       201     201   201    401
"""
urlpatterns = [
    path(
        "api/",
        include([path("plays", HttpResponse), path("plays/", HttpResponse), path("plays/<int:id>", HttpResponse)]),
    ),
    path("api/secret/<str:name>/", JsonResponse),
]


@pytest.fixture
def table(settings):
    settings.ROOT_URLCONF = __name__
    return access.Table(OWN, service="plays", noun="plays")


class TestTable:
    def test_names_a_route_without_a_row(self, table):
        assert table.routes_without_a_row() == {"api/secret/<str:name>"}

    def test_names_a_row_without_a_route(self, table):
        missing = table.rows_without_a_route()

        assert "POST api/nowhere" in missing
        assert not {"GET api/plays", "GET api/plays/<int:id>"} & missing

    def test_has_a_row_for_each_state(self, table):
        (list_, one) = table.rows()

        assert (list_.method, list_.route, list_.state) == ("GET", "api/plays", "")
        assert (one.method, one.route, one.state) == ("GET", "api/plays/<int:id>", "a tragedy")
        assert (one.answers()["anonymous"], one.answers()["seller"], one.answers()["banned"]) == (401, 404, 401)

    def test_takes_the_banned_with_a_cookie_for_nobody(self, table):
        assert [row.answers()[access.BANNED_BY_COOKIE] for row in table.rows()] == [200, 401]

    def test_asks_for_what_no_row_tells_of(self, table):
        assert {(row.method, row.route) for row in table.untold()} == {
            *((method, route) for method in ("POST", "PUT", "PATCH", "DELETE") for route in table.routes),
            ("GET", "api/secret/<str:name>"),
        }

    def test_makes_paths(self, table):
        assert table.path("api/plays/<int:id>", id=7) == "/api/plays/7"
        assert table.path("admin/plays/stage/play/<path:object_id>/change", object_id=7) == (
            "/admin/plays/stage/play/7/change/"
        )
        assert table.path("admin/plays/(?P<url>.*)$", url="x") == "/admin/plays/x/"

    @pytest.mark.parametrize("row", ["GET api/plays 200 200", "GET api/plays", "what is this"])
    def test_refuses_what_is_no_row(self, row):
        with pytest.raises(AssertionError):
            access.Table(row, service="plays", noun="plays")

    def test_takes_the_row_that_says_most(self, settings):
        settings.ROOT_URLCONF = __name__
        plain = f"GET api/* {'200 ' * 9}\n"

        table = access.Table(plain + OWN, service="plays", noun="plays")

        assert table.routes_without_a_row() == set()
        assert [row.answers()["banned"] for row in table.rows() if row.route == "api/plays"] == [401]
