import datetime as dt

import factory

from payments_service.payments import models
from shared import clock, ids


class OrderFactory(factory.django.DjangoModelFactory):
    """This service's copy of Bruno's order, waiting for $12.50."""

    class Meta:
        model = models.Order

    id = factory.LazyFunction(ids.new)
    user_id = factory.LazyFunction(ids.new)
    status = "awaiting_payment"
    amount_minor = 1250
    currency = "USD"
    expires_at = factory.LazyFunction(lambda: clock.now() + dt.timedelta(minutes=15))
    version = 1


class PaymentFactory(factory.django.DjangoModelFactory):
    """A payment for an order of its own, requested with a card that works."""

    class Meta:
        model = models.Payment
        exclude = ("order",)

    order = factory.SubFactory(OrderFactory)
    order_id = factory.SelfAttribute("order.id")
    user_id = factory.SelfAttribute("order.user_id")
    amount_minor = factory.SelfAttribute("order.amount_minor")
    currency = "USD"
    token = "tok_visa"
    created_at = factory.LazyFunction(clock.now)
    updated_at = factory.SelfAttribute("created_at")


class SandboxEntryFactory(factory.django.DjangoModelFactory):
    """A line in the sandbox's books."""

    class Meta:
        model = models.SandboxEntry

    payment_id = factory.LazyFunction(ids.new)
    kind = models.SandboxEntry.Kind.AUTHORIZED
    amount_minor = 1250
    currency = "USD"
