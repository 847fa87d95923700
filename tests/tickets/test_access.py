"""Who may do what with tickets: every route, method and role."""

import pytest

from shared.testing import access, cast
from tests.tickets import factories

TABLE = access.Table(
    """
                                                anonymous buyer seller other support moderator finance admin banned
GET    api/tickets                                    200   200    200   200     200       200     200   200    401
POST   api/tickets                                    401   201    201   201     201       201     201   201    401
GET    api/tickets/<str:ticket_id>                    200   200    200   200     200       200     200   200    401
GET    api/tickets/<str:ticket_id> [withdrawn]        404   404    200   404     200       200     200   200    401
PUT    api/tickets/<str:ticket_id>                    401   403    200   403     403       403     403   403    401
PATCH  api/tickets/<str:ticket_id>                    401   403    200   403     403       403     403   403    401
DELETE api/tickets/<str:ticket_id>                    401   403    204   403     403       403     403   403    401
""",
    service="tickets",
    noun="tickets",
)
OFFER = {"title": "Hamlet, row G", "price": 12.5}


@pytest.fixture
def scene(issuer, db):
    with cast.of(issuer) as people:
        yield Scene(people)


class Scene(cast.Scene):
    """The seller offers a ticket."""

    own = {"tickets.ticket": factories.TicketFactory}

    def set(self, row, role):
        withdrawn = row.state == "withdrawn"
        ticket = factories.TicketFactory(user_id=self.cast.id("seller"), withdrawn=withdrawn)
        return {"ticket_id": ticket.id}, OFFER


TestAccess = access.suite(TABLE)
