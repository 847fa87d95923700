import datetime as dt

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.http import etags
from tests.shared.http.playhouse import models


@pytest.fixture
def play(db):
    """A play in its fourth version."""
    return models.Play.objects.create(title="Hamlet", created_at=dt.datetime.now(dt.UTC), version=3)


@pytest.fixture
def path(play):
    return f"/api/plays/{play.id}"


class TestIfMatch:
    @pytest.mark.parametrize("condition", ['"3"', "*", " * ", '"1", "3"', '"1","3"', 'W/"3", "3"', '"1" , "3" '])
    def test_that_holds_lets_the_write_through(self, nobody, play, path, condition):
        assert nobody.put(path, **{"If-Match": condition}).status_code == 204
        play.refresh_from_db()
        assert play.version == 4

    @pytest.mark.parametrize(
        "condition", ['"2"', '"4"', 'W/"3"', '""', '"1", "2"', '"03"', '"3 "'.replace(" ", "")[:-1] + '0"']
    )
    def test_that_does_not_hold_is_a_412(self, nobody, play, path, condition):
        response = nobody.put(path, **{"If-Match": condition})

        assert response.status_code == 412
        assert response.json()["errors"][0]["code"] == "precondition_failed"
        play.refresh_from_db()
        assert play.version == 3

    @pytest.mark.parametrize("condition", ["3", "", '"3', "3, *", '*, "3"', '"3";"4"', "w/3", "'3'"])
    def test_that_is_malformed_is_a_400(self, nobody, play, path, condition):
        response = nobody.put(path, **{"If-Match": condition})

        assert response.status_code == 400
        assert response.json()["errors"][0] == {
            "message": etags.BadCondition.detail, "field": "If-Match", "code": "invalid_condition",
        }  # fmt: skip
        play.refresh_from_db()
        assert play.version == 3

    def test_need_not_be_said(self, nobody, path):
        assert nobody.put(path).status_code == 204

    @hypothesis_settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(condition=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12))
    def test_that_is_anything_is_no_5xx_and_never_matches_by_chance(self, nobody, play, path, condition):
        status = nobody.put(path, **{"If-Match": condition}).status_code

        models.Play.objects.filter(pk=play.pk).update(version=3)
        holds = condition.strip() == "*" or '"3"' in condition
        assert status in ({204, 400} if holds else {400, 412})


class TestIfNoneMatch:
    @pytest.mark.parametrize("condition", ['"3"', 'W/"3"', "*", '"1", "3"', '"1",W/"3"'])
    def test_of_what_the_client_has_is_a_304(self, nobody, path, condition):
        response = nobody.get(path, **{"If-None-Match": condition})

        assert response.status_code == 304
        assert response.content == b""
        assert response.headers["ETag"] == '"3"'

    @pytest.mark.parametrize("condition", ['"2"', "", "3", "nonsense"])
    def test_of_something_else_is_the_whole_answer(self, nobody, path, condition):
        assert nobody.get(path, **{"If-None-Match": condition}).status_code == 200

    def test_with_a_cookie_is_never_a_304(self, nobody, path):
        """A server that forwards a browser's headers could not read it."""
        response = nobody.get(path, **{"If-None-Match": '"3"', "Cookie": "signed_in=1"})

        assert response.status_code == 200
        assert response.json()["title"] == "Hamlet"

    def test_with_a_bearer_may_be_a_304(self, hamlet, path):
        assert hamlet.get(path, **{"If-None-Match": '"3"'}).status_code == 304

    def test_on_a_write_means_nothing(self, nobody, path):
        assert nobody.put(path, **{"If-None-Match": '"3"'}).status_code == 204


class TestCaching:
    def test_of_what_anyone_may_see_asks_again_each_time(self, nobody, path):
        response = nobody.get(path)

        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["Vary"] == "Cookie, Authorization"

    @pytest.mark.parametrize("credentials", [{"Cookie": "signed_in=1"}, {"Authorization": "Basic eDp5"}])
    def test_does_not_happen_with_credentials(self, nobody, path, credentials):
        assert nobody.get(path, **credentials).headers["Cache-Control"] == "no-store"
