"""The settings of these tests for a worker in a process of its own."""

import os

from tests.shared.settings import *  # noqa: F403
from tests.shared.settings import INSTALLED_APPS as ALL

INSTALLED_APPS = [*ALL, "shared.work"]
CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_APP = "tests.shared.work.stage.app"
