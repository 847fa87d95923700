"""What the worker runs, and how often."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_service.config.settings")

from shared.work import application

app = application.make(periods={"payments.settle_payments": 1.0, "payments.resolve_payments": 2.0})
