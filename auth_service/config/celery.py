"""What the worker runs, and how often."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "auth_service.config.settings")

from shared.work import application

app = application.make(periods={"auth.send_mail": 1.0, "auth.forget_mail": 3600.0})
