import argon2
import pytest

from shared.testing import suite

suite.prepare(
    "auth_service.config.settings",
    service="auth",
    SIGNING_SECRET="seals keys in tests",
    REFRESH_SECRET="derives refresh tokens in tests",
    CELERY_BROKER_URL="memory://",
    EMAIL_URL="dummymail://",
    SIGN_UPS_PER_ADDRESS="1000",
)

from auth_service.users import commands, passwords  # noqa: E402 - Django is ready only now
from shared import clock  # noqa: E402
from tests.auth import world  # noqa: E402


@pytest.fixture
def elsinore(db):
    """Auth with a key to sign with, whose verifier sees what the test's own transaction has written."""
    commands.ensure_signing_key(now=clock.now())
    with world.seen_at_once():
        yield world


@pytest.fixture(autouse=True)
def cheap_hashes(request, monkeypatch):
    """argon2 as cheap as it gets, but for tests that ask for the `real_price`."""
    if "real_price" not in request.fixturenames:
        cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "_argon2", cheap)
        monkeypatch.setattr(passwords, "_nobodys", cheap.hash("nobody's"))


@pytest.fixture
def real_price():
    """Hashes cost what they cost in production."""


@pytest.fixture
def live_elsinore(transactional_db, monkeypatch):
    """The same for tests whose threads commit; a slow machine must not turn their sign-ins away."""
    monkeypatch.setattr(passwords, "PATIENCE", 60)
    commands.ensure_signing_key(now=clock.now())
    with world.seen_at_once():
        yield world
