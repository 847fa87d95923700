"""The suite's settings, for a process of its own."""

from tests.shared.settings import *  # noqa: F403

ROOT_URLCONF = "tests.shared.http.urls"
