"""Settings of the payments service: what is its own, on top of what all services share."""

from shared.settings import base

env = base.environment("JWKS_URL", "CELERY_BROKER_URL")
shared_settings = base.settings(env, service="payments", app="payments_service.payments", worker=True)
vars().update(shared_settings)

PAYMENT_PROVIDER = env.str("PAYMENT_PROVIDER", default="payments_service.payments.providers.sandbox.Sandbox")

MESSAGING_LEVELS = [*shared_settings["MESSAGING_LEVELS"], "payments_service.payments.metrics.of_payments"]

MESSAGING_SNAPSHOTS = "payments_service.payments.queries.aggregates"
