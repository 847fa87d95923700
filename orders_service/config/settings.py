"""Settings of the orders service: what is its own, on top of what all services share."""

import datetime as dt

from shared.settings import base

env = base.environment("JWKS_URL")
shared_settings = base.settings(env, service="orders", app="orders_service.orders")
vars().update(shared_settings)

ORDER_WINDOW = dt.timedelta(seconds=env.int("ORDER_WINDOW_SECONDS", default=900))
LIVE_RESERVATIONS_PER_USER = env.int("LIVE_RESERVATIONS_PER_USER", default=10)

MESSAGING_SWEEPS = {**shared_settings["MESSAGING_SWEEPS"], "orders_service.orders.tasks.expire_orders": 1.0}

MESSAGING_LEVELS = [*shared_settings["MESSAGING_LEVELS"], "orders_service.orders.metrics.of_orders"]

MESSAGING_SNAPSHOTS = "orders_service.orders.queries.aggregates"
