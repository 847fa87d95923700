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


TestAccess = access.suite(TABLE)
