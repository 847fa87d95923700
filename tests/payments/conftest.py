from shared.testing import suite

suite.prepare("payments_service.config.settings", service="payments", CELERY_BROKER_URL="memory://")

from shared.testing.people import bruno, issuer, nobody, olivia  # noqa: E402, F401 - Django is ready only now
