import datetime as dt

import factory

from orders_service.orders import models
from shared import clock, ids


class TicketFactory(factory.django.DjangoModelFactory):
    """This service's copy of Hamlet, row F, on sale for $12.50."""

    class Meta:
        model = models.Ticket

    id = factory.LazyFunction(ids.new)
    user_id = factory.LazyFunction(ids.new)
    status = "on_sale"
    title = "Hamlet, row F"
    amount_minor = 1250
    currency = "USD"
    version = 0


class OrderFactory(factory.django.DjangoModelFactory):
    """Bruno's order of Hamlet, row F, with fifteen minutes to pay."""

    class Meta:
        model = models.Order

    user_id = factory.LazyFunction(ids.new)
    ticket_id = factory.LazyFunction(ids.new)
    ticket_version = 0
    ticket_title = "Hamlet, row F"
    amount_minor = 1250
    currency = "USD"
    created_at = factory.LazyFunction(clock.now)
    expires_at = factory.LazyAttribute(lambda order: order.created_at + dt.timedelta(minutes=15))

    class Params:
        awaiting = factory.Trait(status="awaiting_payment", version=1)
        complete = factory.Trait(status="complete", payment_id=factory.LazyFunction(ids.new), version=2)
        cancelled = factory.Trait(status="cancelled", reason="cancelled_by_buyer", version=1)
        expired = factory.Trait(status="expired", reason="expired", version=1)
        refunded = factory.Trait(status="refunded", payment_id=factory.LazyFunction(ids.new), relist=True, version=3)
        overdue = factory.Trait(created_at=factory.LazyFunction(lambda: clock.now() - dt.timedelta(hours=1)))
