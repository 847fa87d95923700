"""Who may do what: a table of every route, method and role of a service, and what keeps it complete.

The routes are read from the URL conf: one without a row fails the suite, and so does a row without a route. A method
without a row has to be refused to everybody.
"""

import fnmatch
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROLES = ("anonymous", "buyer", "seller", "other", "support", "moderator", "finance", "admin", "banned")
BANNED_BY_COOKIE = "banned by cookie"
"""Whoever is banned and comes with a cookie is nobody, so no column says more of him than `anonymous` does."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REFUSED = frozenset({401, 403, 405})

_LINE = re.compile(r"(?P<method>[A-Z]+) +(?P<route>\S+)(?: +\[(?P<state>[^]]+)\])? +(?P<statuses>[\d ]+)")
_PARAMETER = re.compile(r"<\w+:(?P<in_path>\w+)>|\^?\(\?P<(?P<in_pattern>\w+)>.*$")

# What every service has. In the admin, `*/*` is any model of any app; of rows that fit a route the longest counts.
COMMON = """
                                            anonymous  buyer seller other  support moderator finance admin  banned
GET   livez                                       200    200    200   200      200       200     200   200     200
GET   readyz                                      200    200    200   200      200       200     200   200     200
GET   metrics                                     200    200    200   200      200       200     200   200     200
GET   api/{noun}/schema                           200    200    200   200      200       200     200   200     401

GET   admin/{service}                             303    403    403   403      200       200     200   200     401
GET   admin/{service}/login                       303    403    403   403      303       303     303   303     401
GET   admin/{service}/logout                      303    403    403   403      303       303     303   303     401
GET   admin/{service}/password_change             303    403    403   403      404       404     404   404     401
GET   admin/{service}/password_change/done        303    403    403   403      404       404     404   404     401
GET   admin/{service}/autocomplete                303    403    403   403      403       403     403   403     401
GET   admin/{service}/jsi18n                      303    403    403   403      200       200     200   200     401
GET   admin/{service}/^(?P<app_label>*            303    403    403   403      200       200     200   200     401
GET   admin/{service}/(?P<url>.*)$                303    403    403   403      404       404     404   404     401
GET   admin/{service}/*/*                         303    403    403   403      200       200     200   200     401
GET   admin/{service}/*/*/add                     303    403    403   403      403       403     403   403     401
POST  admin/{service}/*/*/add                     401    403    403   403      403       403     403   403     401
GET   admin/{service}/*/*/<path:object_id>        303    403    403   403      302       302     302   302     401
GET   admin/{service}/*/*/<path:object_id>/change
                                                  303    403    403   403      200       200     200   200     401
POST  admin/{service}/*/*/<path:object_id>/change
                                                  401    403    403   403      403       403     403   403     401
GET   admin/{service}/*/*/<path:object_id>/delete
                                                  303    403    403   403      403       403     403   403     401
POST  admin/{service}/*/*/<path:object_id>/delete
                                                  401    403    403   403      403       403     403   403     401
GET   admin/{service}/*/*/<path:object_id>/history
                                                  303    403    403   403      200       200     200   200     401
GET   admin/{service}/http/idempotentanswer       303    403    403   403      403       403     403   200     401
GET   admin/{service}/http/idempotentanswer/<path:object_id>/change
                                                  303    403    403   403      403       403     403   200     401
GET   admin/{service}/http/idempotentanswer/<path:object_id>/history
                                                  303    403    403   403      403       403     403   200     401
"""


class Row(NamedTuple):
    """What a method of a route answers to each of ROLES, in a state that the scene knows."""

    method: str
    route: str
    state: str
    statuses: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, f"/{self.route}", self.state)))

    def answers(self) -> dict[str, int]:
        """The status by role, and for whoever is banned with each kind of credentials."""
        by_role = dict(zip(ROLES, self.statuses, strict=True))
        return {**by_role, BANNED_BY_COOKIE: by_role["anonymous"]}


class Table:
    """The rows of one service: its own and what it has in common with all."""

    def __init__(self, own: str, *, service: str, noun: str) -> None:
        common = COMMON.replace("{service}", service).replace("{noun}", noun)
        self.routes = sorted(set(_routes(get_resolver().url_patterns)))
        self._rows = [*_rows(common), *_rows(own)]
        self._admin = f"admin/{service}"

    def rows(self) -> list[Row]:
        """Every row, once for each route that it fits."""
        return [row._replace(route=route) for route in self.routes for row in self._of(route)]

    def untold(self) -> list[Row]:
        """The methods of each route that no row tells of. Django's admin has but two, and asks for no others."""
        told = {(row.method, row.route) for row in self.rows()}
        asked = [route for route in self.routes if not self._is_of_the_admin(route)]
        missing = [pair for pair in itertools.product(METHODS, asked) if pair not in told]
        return [Row(method, route, "", ()) for method, route in missing]

    def path(self, route: str, **ids: object) -> str:
        """The route as somebody would ask for it, with `ids` in the places of its parameters."""
        asked = _PARAMETER.sub(lambda found: str(ids[found["in_path"] or found["in_pattern"]]), f"/{route}")
        return f"{asked.rstrip('/')}/" if self._is_of_the_admin(route) else asked

    def routes_without_a_row(self) -> set[str]:
        return {route for route in self.routes if not self._of(route)}

    def rows_without_a_route(self) -> set[str]:
        found = {row for route in self.routes for row in self._of(route)}
        return {f"{row.method} {row.route}" for row in self._rows if row not in found}

    def _is_of_the_admin(self, route: str) -> bool:
        return f"{route}/".startswith(f"{self._admin}/")

    def _of(self, route: str) -> list[Row]:
        """The rows that fit a route: for each method and state the one that says most about it."""
        fitting = [row for row in self._rows if row.route == route or fnmatch.fnmatchcase(route, row.route)]
        most = max((len(row.route) for row in fitting), default=0)
        return [row for row in fitting if len(row.route) == most]


def suite(table: Table) -> type:
    """`TestAccess = access.suite(TABLE)`: the tests of a service's table, which ask its fixture `scene`."""

    class TestAccess:
        @each(table.rows())
        def test_is_as_the_table_says(self, row: Row, scene: Any) -> None:
            scene.demand(table, row)

        @each(table.untold())
        def test_nobody_may_do_what_has_no_row(self, row: Row, scene: Any) -> None:
            scene.demand_refusal(table, row)

        def test_every_route_has_a_row_and_every_row_a_route(self) -> None:
            bare, idle = table.routes_without_a_row(), table.rows_without_a_route()
            assert not bare | idle, f"routes without a row: {bare}; rows without a route: {idle}"

    return TestAccess


def each(rows: Iterable[Row]) -> Callable[[Any], Any]:
    """`@access.each(TABLE.rows())`: the test once for every row."""
    return pytest.mark.parametrize("row", list(rows), ids=str)


def _routes(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """As they are written, without the slash that may stand at the end."""
    for one in patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _routes(one.url_patterns, route)
        else:
            yield route.rstrip("/")


def _rows(text: str) -> list[Row]:
    """One row a line, or two where the route needs its own; the line that names the roles is for people."""
    lines = re.sub(r"\n\s+(?=\d)", " ", text).splitlines()
    found = [match for line in lines if (match := _LINE.fullmatch(line.strip()))]
    unread = [line for line in lines if line.strip() and not _LINE.fullmatch(line.strip()) and "anonymous" not in line]
    assert not unread, f"no rows: {unread}"
    return [_row(**match.groupdict(default="")) for match in found]


def _row(*, method: str, route: str, state: str, statuses: str) -> Row:
    numbers = tuple(map(int, statuses.split()))
    assert len(numbers) == len(ROLES), f"{method} {route} has {len(numbers)} of {len(ROLES)} answers"
    return Row(method, route, state, numbers)
