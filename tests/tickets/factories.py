import datetime as dt

import factory

from shared import clock, ids
from tickets_service.tickets import models


class TicketFactory(factory.django.DjangoModelFactory):
    """Hamlet, row F: on sale for $12.50, a month ahead."""

    class Meta:
        model = models.Ticket

    user_id = factory.LazyFunction(ids.new)
    title = "Hamlet, row F"
    amount_minor = 1250
    currency = "USD"
    venue = "The Globe"
    created_at = factory.LazyFunction(clock.now)
    updated_at = factory.SelfAttribute("created_at")
    starts_at = factory.LazyAttribute(lambda ticket: ticket.created_at + dt.timedelta(days=30))

    class Params:
        reserved = factory.Trait(status="reserved", order_id=factory.LazyFunction(ids.new), version=1)
        sold = factory.Trait(status="sold", order_id=factory.LazyFunction(ids.new), version=2)
        withdrawn = factory.Trait(status="withdrawn", version=1)
