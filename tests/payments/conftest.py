from shared.testing import suite

suite.prepare("payments_service.config.settings", service="payments", CELERY_BROKER_URL="memory://")
