import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from shared import errors, ids
from shared.http import fields, paths

HAMLET = {"title": "Hamlet", "price": 5}


def errors_of(response):
    assert response.status_code == 400, response.content
    return [(error.get("field"), error["code"]) for error in response.json()["errors"]]


@pytest.mark.django_db
class TestErrors:
    def test_name_every_rule_that_failed_by_the_path_the_client_wrote(self, hamlet):
        body = {
            "title": "x" * 21,
            "price": 0,
            "currency": "XXX",
            "startsAt": "soon",
            "seats": [{"row": "A"}, {"row": "ABC"}],
        }

        assert errors_of(hamlet.post("/api/plays", body)) == [
            ("title", "max_length"),
            ("price", "invalid_price"),
            ("currency", "unknown_currency"),
            ("startsAt", "invalid"),
            ("seats.1.row", "max_length"),
        ]

    def test_name_what_is_missing(self, hamlet):
        assert errors_of(hamlet.post("/api/plays", {})) == [("title", "required"), ("price", "required")]

    def test_of_an_empty_body_are_those_of_an_empty_object(self, hamlet):
        assert errors_of(hamlet.post("/api/plays", b"")) == [("title", "required"), ("price", "required")]

    def test_ignore_what_nobody_asked_for(self, hamlet):
        assert hamlet.post("/api/plays", HAMLET | {"isAdmin": True}).status_code == 201

    @pytest.mark.parametrize("seats", [{}, "A", 1, [1], ["A"], [[]], [None]])
    def test_name_a_list_that_is_none(self, hamlet, seats):
        response = hamlet.post("/api/plays", HAMLET | {"seats": seats})

        assert response.status_code == 400
        assert response.json()["errors"][0]["field"].startswith("seats")


@pytest.mark.django_db
class TestText:
    @pytest.mark.parametrize(
        "title", ["", " ", "\t\n", "\u00a0", "\u200b", "\u2060\ufeff", "\u3164", "\u2800 \u2800", "\u202e"]
    )
    def test_of_which_nothing_can_be_seen_is_blank(self, hamlet, title):
        assert errors_of(hamlet.post("/api/plays", HAMLET | {"title": title})) == [("title", "blank")]

    @pytest.mark.parametrize("title", [1, 1.5, True, None, [], {}, ["Hamlet"]])
    def test_of_another_type_is_refused(self, hamlet, title):
        assert errors_of(hamlet.post("/api/plays", HAMLET | {"title": title}))[0][0] == "title"

    @pytest.mark.parametrize("title", ["Hamlet", "哈姆雷特", "🎭", "x" * 20, "Hamlet\u200d"])
    def test_of_any_script_is_taken(self, hamlet, title):
        assert hamlet.post("/api/plays", HAMLET | {"title": title}).json()["title"] == title


class TestMoment:
    REFUSED = (
        "", "tomorrow", "2026-03-02", "2026-03-02T19:30", "2026-03-02T19:30:00", "2026-03-02 19:30:00Z",
        "20260302T193000Z", "2026-02-30T19:30:00Z", "2026-03-02T25:00:00Z", "2026-03-02T19:30:60Z",
        "2026-03-02T19:30:00+25:00", "２026-03-02T19:30:00Z", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00", "-001-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "1.5", "now",
    )  # fmt: skip

    @pytest.mark.parametrize("text", [*REFUSED, 1772479800, 1.5, True, [], {}])
    def test_that_is_not_rfc_3339_is_refused(self, text):
        with pytest.raises(serializers.ValidationError):
            fields.MomentField().run_validation(text)

    @pytest.mark.parametrize(
        "text",
        ["2026-03-02T19:30:00Z", "2026-03-02t19:30:00z", "2026-03-02T20:30:00+01:00", "2026-03-02T19:30:00.0000001Z"],
    )
    def test_is_kept_in_utc(self, text):
        moment = fields.MomentField().run_validation(text)

        assert moment == dt.datetime(2026, 3, 2, 19, 30, tzinfo=dt.UTC)
        assert moment.utcoffset() == dt.timedelta(0)

    @pytest.mark.django_db
    @pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00-14:00"])
    def test_at_the_edge_of_time_is_stored_and_shown(self, hamlet, text):
        response = hamlet.post("/api/plays", HAMLET | {"startsAt": text})

        assert response.status_code == 201
        assert hamlet.get("/api/plays?sort=soonest").status_code == 200

    @given(st.datetimes(timezones=st.just(dt.UTC)))
    def test_comes_back_as_it_was_written(self, moment):
        text = fields.MomentField().to_representation(moment)

        assert text.endswith("Z")
        assert fields.MomentField().run_validation(text) == moment


class TestId:
    @pytest.mark.parametrize(
        "text",
        ["", "1", "x" * 36, "{0190b6a8-0000-7000-8000-000000000000}", "0190b6a8000070008000000000000000",
         "urn:uuid:0190b6a8-0000-7000-8000-000000000000", "0190b6a8-0000-7000-8000-00000000000٣",
         "0190b6a8-0000-7000-8000-000000000000\n"],
    )  # fmt: skip
    def test_that_is_written_otherwise_is_none(self, text):
        assert paths.parse_id(text) is None

    @pytest.mark.django_db
    @pytest.mark.parametrize("value", [5, True, [], {}, "hamlet", None])
    def test_that_is_malformed_in_a_body_is_a_400(self, hamlet, value):
        (error,) = errors_of(hamlet.post("/api/plays", HAMLET | {"troupeId": value}))

        assert error[0] == "troupeId"

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "text", ["hamlet", "1", "%00", "%FF", "%ED%A0%80", "{x}", "0190b6a8-0000-7000-8000-00000000000g"]
    )
    @pytest.mark.parametrize("end", ["", "/"])
    def test_that_is_malformed_in_a_path_is_a_404(self, nobody, text, end):
        response = nobody.get(f"/api/plays/{text}{end}")

        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "not_found"

    @given(st.uuids())
    def test_of_any_kind_is_read_in_either_case(self, value):
        assert paths.parse_id(str(value)) == paths.parse_id(str(value).upper()) == value

    def test_of_ours_is_read(self):
        new = ids.new()

        assert paths.read_id(str(new)) == new

    def test_that_is_none_is_what_the_caller_says(self):
        with pytest.raises(errors.Conflict):
            paths.read_id("hamlet", missing=errors.Conflict)
