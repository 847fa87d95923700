"""Settings of the encore service: what is its own, on top of what all services share."""

from shared.settings import base

env = base.environment("JWKS_URL")
vars().update(base.settings(env, service="encore", app="encore_service.encores"))
