"""What gunicorn serves."""

import os

from shared.http import wsgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tickets_service.config.settings")

application = wsgi.application()
