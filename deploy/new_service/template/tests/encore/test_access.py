"""Who may do what with encores: every route, method and role."""

import pytest

from shared.testing import access, cast
from tests.encore import factories

TABLE = access.Table(
    """
                                                anonymous buyer seller other support moderator finance admin banned
GET    api/encores
                                                      401   200    200   200     200       200     200   200    401
GET    api/encores/<str:order_id>
                                                      401   200    404   404     404       404     404   404    401
""",
    service="encore",
    noun="encores",
)


class Scene(cast.Scene):
    """The buyer has bought one ticket."""

    own = {"encores.order": factories.OrderFactory, "encores.ticket": factories.TicketFactory}

    def set(self, row, role):
        order = factories.OrderFactory(user_id=self.cast.id("buyer"))
        return {"order_id": order.id}, {}


@pytest.fixture
def scene(issuer, db):
    with cast.of(issuer) as people:
        yield Scene(people)


class TestAccess:
    @access.each(TABLE.rows())
    def test_is_as_the_table_says(self, row, scene):
        scene.demand(TABLE, row)

    @access.each(TABLE.untold())
    def test_nobody_may_do_what_has_no_row(self, row, scene):
        scene.demand_refusal(TABLE, row)

    def test_every_route_has_a_row_and_every_row_a_route(self):
        assert (TABLE.routes_without_a_row(), TABLE.rows_without_a_route()) == (set(), set())
