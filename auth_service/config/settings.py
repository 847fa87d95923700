"""Settings of the auth service: what is its own, on top of what all services share."""

import datetime as dt

from shared.settings import base

env = base.environment("SIGNING_SECRET", "REFRESH_SECRET", "CELERY_BROKER_URL", "EMAIL_URL")
# Whatever the others do, auth has nobody to ask about a token.
shared_settings = base.settings(env, service="auth", app="auth_service.users", strategy="local", worker=True)
vars().update(shared_settings)

AUTH_USER_MODEL = "users.User"
SIGNING_SECRET = env.str("SIGNING_SECRET")
SIGNING_SECRET_OLD = env.str("SIGNING_SECRET_OLD", default="")
# How long the next key is published before it signs: more than the five minutes between two fetches of the set.
SIGNING_KEY_LEAD = dt.timedelta(seconds=env.int("SIGNING_KEY_LEAD_SECONDS", default=600))
# How long one key signs before another takes its place by itself; 0 is for ever.
SIGNING_KEY_LIFE = dt.timedelta(days=env.int("SIGNING_KEY_DAYS", default=90))
REFRESH_SECRET = env.str("REFRESH_SECRET")
REFRESH_TOKEN_LIFE = dt.timedelta(days=env.int("REFRESH_TOKEN_DAYS", default=30))

# So many sign-ins may fail before the next ones have to wait, longer each time (429); an account forgets one failure in
# a quarter of an hour, an address one a minute. And so many sign-ups come from one address in an hour.
SIGN_IN_FAILURES_PER_ACCOUNT = env.int("SIGN_IN_FAILURES_PER_ACCOUNT", default=10)
SIGN_IN_FAILURES_PER_ADDRESS = env.int("SIGN_IN_FAILURES_PER_ADDRESS", default=100)
SIGN_UPS_PER_ADDRESS = env.int("SIGN_UPS_PER_ADDRESS", default=20)
LIMITS_PER_ADDRESS = env.bool("LIMITS_PER_ADDRESS", default=True)

# smtp+tls://user:password@host:587 or, with an absolute path, filemail:////directory. No default: what is sent holds
# links that let whoever reads them in.
vars().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="Admit One <no-reply@localhost>")
ONE_TIME_TOKEN_LIVES = {"password_reset": dt.timedelta(hours=1), "email_verification": dt.timedelta(days=3)}
# Mails somebody may ask for in an hour.
MAILS_PER_ACCOUNT = env.int("MAILS_PER_ACCOUNT", default=5)
MAILS_PER_ADDRESS = env.int("MAILS_PER_ADDRESS", default=50)

# Auth listens to nobody, and holds its keys itself.
MESSAGING_HANDLERS: list[str] = []
MESSAGING_BACKGROUND: list[str] = []
MESSAGING_SWEEPS = {**shared_settings["MESSAGING_SWEEPS"], "auth_service.users.tasks.tend_signing_keys": 10.0}
MESSAGING_LEVELS = [
    *shared_settings["MESSAGING_LEVELS"],
    "auth_service.users.metrics.of_mail",
    "auth_service.users.metrics.of_keys",
]
MESSAGING_SNAPSHOTS = "auth_service.users.queries.aggregates"
