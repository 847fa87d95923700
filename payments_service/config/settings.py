"""Settings of the payments service: what is its own, on top of what all services share."""

from shared.settings import base

env = base.environment("JWKS_URL", "CELERY_BROKER_URL")
vars().update(base.settings(env, service="payments", app="payments_service.payments", worker=True))

PAYMENT_PROVIDER = env.str("PAYMENT_PROVIDER", default="payments_service.payments.providers.sandbox.Sandbox")

MESSAGING_SNAPSHOTS = "payments_service.payments.queries.aggregates"
