"""What the settings of all services have in common. What differs between places comes from the environment."""

import datetime as dt
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from shared.settings import logs
from shared.settings.environment import Environment

REQUIRED = ("SECRET_KEY", "DATABASE_URL", "BROKER_URL", "PUBLIC_ORIGIN")

# How a service learns who is asking (shared.identity.strategies), and what that needs to be told.
STRATEGIES: dict[str, tuple[str, ...]] = {
    "local": (),
    "introspect": ("INTROSPECT_URL", "INTROSPECT_SECRET"),
    "gateway": (),
}

# A server whose host is gone says nothing: without these its client waits for a quarter of an hour.
LINE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}

# Ours before the admin, whose templates they replace. No sessions: a visitor is proven by the access token.
APPS = [
    "shared.identity",
    "shared.identity.admin_app.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "drf_spectacular",
    "rest_framework",
    "shared.http",
    "shared.messaging",
    "shared.schema",
]

SILENCED_SYSTEM_CHECKS = [
    "admin.E410",  # no SessionMiddleware: see APPS
    "security.W004",  # HSTS, the redirect to https and
    "security.W008",  # the TLS they are about are the gateway's
]

MIDDLEWARE = [
    "shared.http.metrics.MetricsMiddleware",
    "shared.http.middleware.RequestIdMiddleware",
    "shared.http.middleware.SecurityHeadersMiddleware",
    "shared.http.middleware.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "shared.http.middleware.CrossSiteMiddleware",
    "shared.http.middleware.WritesMiddleware",
    "shared.identity.middleware.IdentityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def environment(*required: str) -> Environment:
    """The process's environment; stops the boot with one message that names everything missing."""
    return Environment(*REQUIRED, *required)


def settings(
    env: Environment, *, service: str, app: str, worker: bool = False, strategy: str | None = None
) -> dict[str, Any]:
    """The settings of the service called `service` ("orders") whose domain app is `app` ("orders_service.orders").

    `worker`: it has slow work, for a Celery worker of its own. `strategy` is given by a service that proves who is
    asking in one way only; else IDENTITY_STRATEGY says it.
    """
    package = app.partition(".")[0]
    return {
        "SERVICE": service,
        "ROOT_URLCONF": f"{package}.config.urls",
        "WSGI_APPLICATION": f"{package}.config.wsgi.application",
        "INSTALLED_APPS": [*APPS, *(["shared.work"] if worker else []), app],
        "MIDDLEWARE": MIDDLEWARE,
        "DATABASES": {"default": _database(env)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "SILENCED_SYSTEM_CHECKS": SILENCED_SYSTEM_CHECKS,
        **_secrecy(env),
        **_pages(service),
        **_messaging(env, app),
        **(_work(env, package) if worker else {}),
        **_api(service),
        **_identity(env, strategy or env.str("IDENTITY_STRATEGY", default="local")),
        "WRITE_GUARDS": ["shared.messaging.recovery.refuse_writes"],
        "WRITES_PER_MINUTE": env.int("WRITES_PER_MINUTE", default=300),
        "TRUSTED_PROXIES": env.list("TRUSTED_PROXIES", default=["127.0.0.1"]),
        "LANGUAGE_CODE": "en",
        "TIME_ZONE": "UTC",
        "USE_TZ": True,
        "USE_I18N": False,
        "APPEND_SLASH": False,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1_000_000,
        "LOGGING": logs.configure(
            service=service, output=env.str("LOG_FORMAT", default="json"), level=env.str("LOG_LEVEL", default="INFO")
        ),
        "LOGGING_CONFIG": "logging.config.dictConfig",
    }


def _database(env: Environment) -> dict[str, Any]:
    database: dict[str, Any] = env.db("DATABASE_URL")
    # Its address has the last word: psycopg's parameters as they are, the server's options behind ours.
    asked = {name: value for name, value in database.get("OPTIONS", {}).items() if name != "pool"}
    server = f"-c statement_timeout=15000 {asked.pop('options', '')}".strip()
    options: dict[str, Any] = {"connect_timeout": 3, **LINE, **asked, "options": server}
    if size := env.int("DB_POOL_SIZE", default=8):
        # An attempt to connect that is given up is begun anew by the next request. Else its pauses double for five
        # minutes, and a database that is back after four of them is not found for as long again.
        options["pool"] = {"min_size": 1, "max_size": size, "timeout": 3, "reconnect_timeout": 2}
    return {**database, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def _secrecy(env: Environment) -> dict[str, Any]:
    origin: str = env.str("PUBLIC_ORIGIN").rstrip("/")
    https = origin.startswith("https://")
    return {
        "SECRET_KEY": env.str("SECRET_KEY"),
        "DEBUG": env.bool("DEBUG", default=False),
        "PUBLIC_ORIGIN": origin,
        # Which Host header reaches a service is the gateway's business; links are made from PUBLIC_ORIGIN alone.
        "ALLOWED_HOSTS": env.list("ALLOWED_HOSTS", default=["*"]),
        "CSRF_TRUSTED_ORIGINS": [origin],
        "CSRF_COOKIE_SECURE": https,
        "SESSION_COOKIE_SECURE": https,
        "X_FRAME_OPTIONS": "DENY",
    }


def _identity(env: Environment, strategy: str) -> dict[str, Any]:
    if strategy not in STRATEGIES:
        raise ImproperlyConfigured(f"IDENTITY_STRATEGY is {strategy!r}; it is one of {', '.join(STRATEGIES)}.")
    env.demand(*STRATEGIES[strategy])
    return {
        "AUTH_USER_MODEL": "identity.User",
        "AUTHENTICATION_BACKENDS": [],  # nobody signs in through Django; permissions come from the roles
        "IDENTITY_STRATEGY": strategy,
        "INTROSPECT_URL": env.str("INTROSPECT_URL", default=""),
        "INTROSPECT_SECRET": env.str("INTROSPECT_SECRET", default=""),
        # Who asks auth about every token needs no key; the others cannot judge one without.
        "READINESS": [] if strategy == "introspect" else ["shared.identity.readiness.keys_held"],
        "JWKS_URL": env.str("JWKS_URL", default=""),
        "TOKEN_ISSUER": env.str("PUBLIC_ORIGIN").rstrip("/"),
        "TOKEN_AUDIENCE": "admit-one",
        # Every service needs the life of an access token: so long does a revocation matter.
        "ACCESS_TOKEN_SECONDS": env.int("ACCESS_TOKEN_SECONDS", default=900),
    }


def _pages(service: str) -> dict[str, Any]:
    """The admin: every path and cookie of it stays below /admin/<service>/, for all admins share one origin."""
    home = f"/admin/{service}/"
    return {
        "STATIC_URL": f"{home}static/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "CSRF_COOKIE_PATH": home,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
        # There are no sessions; the messages' cookie reads these.
        "SESSION_COOKIE_PATH": home,
        "SESSION_COOKIE_HTTPONLY": True,
        "MESSAGE_STORAGE": "shared.identity.admin_messages.CookieStorage",
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
    }


def _messaging(env: Environment, app: str) -> dict[str, Any]:
    return {
        "BROKER_URL": env.str("BROKER_URL"),
        "MESSAGING_HANDLERS": ["shared.identity.handlers", f"{app}.handlers"],
        "MESSAGING_SWEEPS": {
            "shared.http.tasks.prune": 600.0,
            "shared.identity.tasks.prune": 600.0,
            "shared.messaging.tasks.prune": 600.0,
        },
        "MESSAGING_SNAPSHOTS": "",
        "MESSAGING_LEVELS": [
            "shared.messaging.database.of_database",
            "shared.messaging.metrics.of_messaging",
            "shared.identity.metrics.of_identity",
        ],
        "MESSAGING_REPLAY_PER_SECOND": env.int("MESSAGING_REPLAY_PER_SECOND", default=500),
        "MESSAGING_LOG_RETENTION": dt.timedelta(days=env.int("LOG_RETENTION_DAYS", default=30)),
        "MESSAGING_INBOX_RETENTION": dt.timedelta(days=env.int("INBOX_RETENTION_DAYS", default=60)),
        "MESSAGING_BACKGROUND": ["shared.identity.keys.refresh_forever"],
        "MESSAGING_PARKED_ALARM": env.int("MESSAGING_PARKED_ALARM", default=1),
    }


def _work(env: Environment, package: str) -> dict[str, Any]:
    return {"CELERY_BROKER_URL": env.str("CELERY_BROKER_URL"), "CELERY_APP": f"{package}.config.celery.app"}


def _api(service: str) -> dict[str, Any]:
    return {
        "REST_FRAMEWORK": {
            "DEFAULT_AUTHENTICATION_CLASSES": ["shared.identity.authentication.IdentityAuthentication"],
            "DEFAULT_PERMISSION_CLASSES": ["shared.identity.permissions.IsUser"],
            "DEFAULT_PARSER_CLASSES": ["shared.http.parsers.StrictJSONParser"],
            "DEFAULT_RENDERER_CLASSES": ["shared.http.renderers.JSONRenderer"],
            "DEFAULT_CONTENT_NEGOTIATION_CLASS": "shared.http.renderers.AlwaysJSON",
            "DEFAULT_THROTTLE_CLASSES": ["shared.http.limits.WritesPerUser"],
            "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
            "EXCEPTION_HANDLER": "shared.http.problems.handle",
        },
        "SPECTACULAR_SETTINGS": {
            "TITLE": f"Admit One: {service}",
            "VERSION": "1",
            "OAS_VERSION": "3.1.0",
            "SCHEMA_PATH_PREFIX": "/api",
            "SERVE_INCLUDE_SCHEMA": False,
            "SERVE_AUTHENTICATION": [],
            "COMPONENT_SPLIT_REQUEST": True,
            "PREPROCESSING_HOOKS": ["shared.http.openapi.without_slashes"],
            "POSTPROCESSING_HOOKS": [
                "drf_spectacular.hooks.postprocess_schema_enums",
                "shared.http.openapi.add_problems",
            ],
            "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
        },
    }
