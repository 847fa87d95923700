from shared.testing import suite

suite.prepare("orders_service.config.settings", service="orders")

import pytest  # noqa: E402 - Django is ready only now

from shared.testing import callers, identity  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def issuer():
    """Whose tokens this service believes."""
    issuer = identity.Issuer()
    with identity.held(issuer):
        yield issuer


@pytest.fixture
def olivia(issuer):
    """She sells."""
    return callers.Caller(issuer)


@pytest.fixture
def bruno(issuer):
    """He buys."""
    return callers.Caller(issuer)


@pytest.fixture
def nobody():
    return callers.Caller()
