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


TestAccess = access.suite(TABLE)
