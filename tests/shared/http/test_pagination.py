import datetime as dt
import itertools
import random
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core import signing
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared import ids
from tests.shared.http.playhouse import models, views

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def stage(title, **more):
    return models.Play.objects.create(**{"title": title, "created_at": NOON, **more})


def next_of(response):
    link = response.headers.get("Link")
    if link is None:
        return None
    address = re.fullmatch(r'<([^>]+)>; rel="next"', link).group(1)
    assert address.startswith("http://testserver/")
    return address.removeprefix("http://testserver")


def walk(caller, path, between=lambda: None):
    """All pages from `path` on, each a list of titles."""
    while path:
        response = caller.get(path)
        assert response.status_code == 200, response.content
        yield [play["title"] for play in response.json()]
        between()
        path = next_of(response)


def cursor_of(caller, path):
    return parse_qs(urlsplit(next_of(caller.get(path))).query)["cursor"][0]


@pytest.fixture
def season(db):
    """Nine plays: three at each of three moments, the last three not dated yet."""
    moments = [NOON, NOON + dt.timedelta(hours=1), NOON + dt.timedelta(microseconds=1)]
    dates = [NOON + dt.timedelta(days=9), NOON + dt.timedelta(days=3), None]
    for number, (created_at, starts_at) in enumerate(itertools.product(moments, dates)):
        stage(f"play {number}", created_at=created_at, starts_at=starts_at, amount_minor=100 + number % 2)
    return models.Play.objects.all()


class TestPage:
    @pytest.mark.parametrize("sort", views.SORTS)
    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 9, 100])
    def test_follows_page_until_each_row_was_shown_once(self, hamlet, season, sort, limit):
        pages = list(walk(hamlet, f"/api/plays?sort={sort}&limit={limit}"))

        titles = list(itertools.chain.from_iterable(pages))
        assert len(titles) == len(set(titles)) == 9
        assert all(len(page) == limit for page in pages[:-1])

    @pytest.mark.parametrize("sort", ["soonest", "latest"])
    def test_shows_rows_without_a_value_last(self, hamlet, season, sort):
        plays = [play for page in self.bodies(hamlet, f"/api/plays?sort={sort}&limit=2") for play in page]

        dated = [play["startsAt"] for play in plays]
        assert dated[6:] == [None] * 3
        assert dated[:6] == sorted(dated[:6], reverse=sort == "latest")

    def bodies(self, caller, path):
        while path:
            response = caller.get(path)
            yield response.json()
            path = next_of(response)

    def test_is_a_bare_array_of_fifty(self, hamlet, db):
        models.Play.objects.bulk_create(models.Play(title=str(n), created_at=NOON) for n in range(51))

        response = hamlet.get("/api/plays")

        assert len(response.json()) == 50
        assert next_of(response)

    def test_that_is_the_last_has_no_next(self, hamlet, season):
        assert next_of(hamlet.get("/api/plays?limit=9")) is None
        assert next_of(hamlet.get("/api/plays?limit=8")) is not None

    def test_that_is_empty_is_an_empty_array(self, hamlet, db):
        response = hamlet.get("/api/plays")

        assert (response.json(), next_of(response)) == ([], None)

    @pytest.mark.parametrize("sort", views.SORTS)
    def test_stays_put_while_the_list_grows(self, hamlet, season, sort):
        before = set(season.values_list("title", flat=True))
        count = itertools.count()

        def grow():
            moment = NOON + dt.timedelta(minutes=random.randrange(-99, 99))
            stage(f"new {next(count)}", created_at=moment, starts_at=random.choice([None, moment]), amount_minor=100)

        shown = list(itertools.chain.from_iterable(walk(hamlet, f"/api/plays?sort={sort}&limit=2", between=grow)))

        assert len(shown) == len(set(shown))
        assert before <= set(shown)

    def test_keeps_limit_and_filters_in_its_link(self, hamlet, season):
        query = parse_qs(urlsplit(next_of(hamlet.get("/api/plays?sort=cheapest&limit=2"))).query)

        assert (query["sort"], query["limit"]) == (["cheapest"], ["2"])

    def test_is_one_query(self, hamlet, season, django_assert_num_queries):
        path = next_of(hamlet.get("/api/plays?limit=2"))

        with django_assert_num_queries(1):
            hamlet.get(path)

    @hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        rows=st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 2), st.integers(1, 3)), max_size=12),
        limit=st.integers(1, 5),
        sort=st.sampled_from(sorted(views.SORTS)),
    )
    def test_after_page_is_the_whole_list_in_its_order(self, hamlet, db, rows, limit, sort):
        models.Play.objects.all().delete()
        for number, (created, starts, amount) in enumerate(rows):
            starts_at = None if starts is None else NOON + dt.timedelta(days=starts)
            created_at = NOON + dt.timedelta(microseconds=created)
            stage(str(number), created_at=created_at, starts_at=starts_at, amount_minor=amount)

        paged = list(itertools.chain.from_iterable(walk(hamlet, f"/api/plays?sort={sort}&limit={limit}")))

        assert paged == [play["title"] for play in hamlet.get(f"/api/plays?sort={sort}&limit=100").json()]
        assert len(paged) == len(rows)


class TestLimit:
    @pytest.mark.parametrize(
        "limit",
        ["0", "-1", "101", "1000", str(2**63), "9" * 400, "1.0", "1e1", "+5", "٣", "５", "", "x", "0x10", "1_0", " 5"],
    )
    def test_that_makes_no_sense_is_a_400(self, hamlet, db, limit):
        response = hamlet.get("/api/plays?" + urlencode({"limit": limit}))

        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "limit"

    @pytest.mark.parametrize("limit", ["1", "50", "100", "007"])
    def test_within_bounds_is_taken(self, hamlet, season, limit):
        assert len(hamlet.get(f"/api/plays?limit={limit}").json()) == min(int(limit), 9)


class TestCursor:
    def refused(self, caller, path, cursor):
        joint = "&" if "?" in path else "?"
        response = caller.get(f"{path}{joint}{urlencode({'cursor': cursor})}")
        assert response.status_code == 400, response.content
        (error,) = response.json()["errors"]
        return (error["field"], error["code"]) == ("cursor", "invalid_cursor")

    @pytest.mark.parametrize("cursor", ["", "x", "a:b:c", "😀", "null", "W10:1:x", "../..", "' OR 1=1 --", "x" * 5000])
    def test_that_is_none_is_a_400(self, hamlet, db, cursor):
        assert self.refused(hamlet, "/api/plays", cursor)

    def test_that_was_signed_for_something_else_is_a_400(self, hamlet, db):
        forged = signing.dumps([NOON.isoformat(), str(ids.new())], salt="another list")

        assert self.refused(hamlet, "/api/plays", forged)

    def test_with_any_letter_changed_is_a_400(self, hamlet, season):
        cursor = cursor_of(hamlet, "/api/plays?limit=2")

        for place in range(len(cursor) - 1):  # the last letter carries bits that nobody reads
            forged = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
            assert self.refused(hamlet, "/api/plays?limit=2", forged)

    def test_of_another_list_order_filter_or_user_is_a_400(self, hamlet, ophelia, season):
        cursor = cursor_of(hamlet, "/api/plays?limit=2&sort=cheapest")

        assert self.refused(hamlet, "/api/other-plays?limit=2&sort=cheapest", cursor)
        assert self.refused(hamlet, "/api/plays?limit=2&sort=newest", cursor)
        assert self.refused(hamlet, "/api/plays?limit=2", cursor)
        assert self.refused(hamlet, "/api/plays?limit=2&sort=cheapest&q=1", cursor)
        assert self.refused(ophelia, "/api/plays?limit=2&sort=cheapest", cursor)

    def test_may_go_on_with_another_limit_and_the_other_spelling_of_the_path(self, hamlet, season):
        cursor = cursor_of(hamlet, "/api/plays?limit=2&sort=cheapest")

        response = hamlet.get("/api/plays/?" + urlencode({"sort": "cheapest", "limit": 100, "cursor": cursor}))

        assert len(response.json()) == 7

    def test_outlives_the_row_it_points_at(self, hamlet, season):
        path = next_of(hamlet.get("/api/plays?limit=2&sort=cheapest"))
        models.Play.objects.order_by("amount_minor", "id")[1].delete()

        assert len(hamlet.get(path).json()) == 2

    @given(st.text(max_size=30))
    @hypothesis_settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_made_up_is_never_worse_than_a_400(self, hamlet, db, text):
        assert hamlet.get("/api/plays?" + urlencode({"cursor": text}, errors="replace")).status_code == 400
