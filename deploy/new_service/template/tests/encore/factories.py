import factory

from encore_service.encores import models
from shared import ids
from tests.contracts import samples


class TicketFactory(factory.django.DjangoModelFactory):
    """This service's copy of Hamlet, row F, sold for $12.50."""

    class Meta:
        model = models.Ticket

    id = factory.LazyFunction(ids.new)
    user_id = factory.LazyFunction(ids.new)
    order_id = factory.LazyFunction(ids.new)
    status = "sold"
    title = "Hamlet, row F"
    venue = "The Globe"
    starts_at = samples.MONDAY
    amount_minor = 1250
    currency = "USD"
    version = 2


class OrderFactory(factory.django.DjangoModelFactory):
    """This service's copy of Bruno's order of that ticket, paid and complete."""

    class Meta:
        model = models.Order
        exclude = ("ticket",)

    ticket = factory.SubFactory(TicketFactory)
    id = factory.SelfAttribute("ticket.order_id")
    user_id = factory.LazyFunction(ids.new)
    status = "complete"
    ticket_id = factory.SelfAttribute("ticket.id")
    ticket_title = factory.SelfAttribute("ticket.title")
    amount_minor = factory.SelfAttribute("ticket.amount_minor")
    currency = factory.SelfAttribute("ticket.currency")
    created_at = samples.MONDAY
    expires_at = samples.MONDAY
    payment_id = factory.LazyFunction(ids.new)
    version = 2
