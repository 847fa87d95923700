"""Settings of the tickets service: what is its own, on top of what all services share."""

from shared.settings import base

env = base.environment("JWKS_URL")
vars().update(base.settings(env, service="tickets", app="tickets_service.tickets"))

MESSAGING_SNAPSHOTS = "tickets_service.tickets.queries.aggregates"
