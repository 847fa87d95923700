import os

from shared.http import wsgi

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.shared.http.playhouse.settings"

application = wsgi.application()
