"""The settings of these tests for a process of its own that hears what `stage` hears."""

from tests.shared.settings import *  # noqa: F403

MESSAGING_HANDLERS = ["tests.shared.messaging.stage"]
