"""What gunicorn serves."""

import os

from shared.http import wsgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orders_service.config.settings")

application = wsgi.application()
