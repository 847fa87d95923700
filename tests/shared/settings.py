"""A service with no domain of its own, to test what all share. It is called orders, for the topology's sake."""

from shared.settings import base

env = base.environment()
vars().update(base.settings(env, service="orders", app="tests.shared"))

INSTALLED_APPS = [name for name in vars()["INSTALLED_APPS"] if name != "tests.shared"]
# A table to try on what the HTTP side does for every service's own; it has no migrations.
INSTALLED_APPS += ["tests.shared.http.playhouse"]
# And one whose migrations are applied while it is in use.
INSTALLED_APPS += ["tests.shared.schema.props"]
ROOT_URLCONF = "tests.shared.urls"
MESSAGING_HANDLERS: list[str] = []
MESSAGING_SWEEPS: dict[str, float] = {}
MESSAGING_BACKGROUND: list[str] = []
