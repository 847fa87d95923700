"""Who may do what with payments: every route, method and role. A payment is its payer's business alone."""

import pytest

from shared.testing import access, cast
from tests.payments import factories

TABLE = access.Table(
    """
                                                anonymous buyer seller other support moderator finance admin banned
GET    api/payments                                   401   200    200   200     200       200     200   200    401
POST   api/payments                                   401   201    404   404     404       404     404   404    401
GET    api/payments/<str:payment_id>                  401   200    404   404     404       404     404   404    401
""",
    service="payments",
    noun="payments",
)


class Scene(cast.Scene):
    """The buyer has paid one order; another one of his is to be paid."""

    own = {
        "payments.payment": factories.PaymentFactory,
        "payments.order": factories.OrderFactory,
        "payments.sandboxentry": factories.SandboxEntryFactory,
    }

    def set(self, row, role):
        payment = factories.PaymentFactory(order__user_id=self.cast.id("buyer"))
        order = factories.OrderFactory(user_id=self.cast.id("buyer"))
        return {"payment_id": payment.id}, {"orderId": str(order.id), "token": "tok_visa"}


@pytest.fixture
def scene(issuer, transactional_db):
    """A provider is asked outside of any transaction, so these tests commit."""
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
