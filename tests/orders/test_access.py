"""Who may do what with orders: every route, method and role. An order is its buyer's business alone."""

import pytest

from shared.testing import access, cast
from tests.orders import factories

TABLE = access.Table(
    """
                                                anonymous buyer seller other support moderator finance admin banned
GET    api/orders                                     401   200    200   200     200       200     200   200    401
POST   api/orders                                     401   201    403   201     201       201     201   201    401
GET    api/orders/<str:order_id>                      401   200    404   404     404       404     404   404    401
DELETE api/orders/<str:order_id>                      401   204    404   404     404       404     404   404    401
DELETE api/orders/<str:order_id> [complete]           401   409    404   404     404       404     404   404    401
""",
    service="orders",
    noun="orders",
)


class Scene(cast.Scene):
    """The buyer has ordered one ticket of the seller; another one is on sale."""

    own = {"orders.order": factories.OrderFactory, "orders.ticket": factories.TicketFactory}

    def set(self, row, role):
        on_sale = factories.TicketFactory(user_id=self.cast.id("seller"))
        order = factories.OrderFactory(user_id=self.cast.id("buyer"), complete=row.state == "complete")
        return {"order_id": order.id}, {"ticketId": str(on_sale.id)}


@pytest.fixture
def scene(issuer, db):
    with cast.of(issuer) as people:
        yield Scene(people)


TestAccess = access.suite(TABLE)
