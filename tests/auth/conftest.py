import pytest

from shared.testing import suite

suite.prepare(
    "auth_service.config.settings",
    service="auth",
    SIGNING_SECRET="seals keys in tests",
    REFRESH_SECRET="derives refresh tokens in tests",
    SIGN_UPS_PER_ADDRESS="1000",
)

from auth_service.users import commands  # noqa: E402 - Django is ready only now
from shared import clock  # noqa: E402
from tests.auth import world  # noqa: E402


@pytest.fixture
def elsinore(db):
    """Auth with a key to sign with, whose verifier sees what the test's own transaction has written."""
    commands.ensure_signing_key(now=clock.now())
    with world.seen_at_once():
        yield world


@pytest.fixture
def live_elsinore(transactional_db):
    """The same for tests whose threads commit."""
    commands.ensure_signing_key(now=clock.now())
    with world.seen_at_once():
        yield world
