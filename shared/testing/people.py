"""The people of a service's tests, as fixtures: a suite's conftest imports them by name, once Django is ready."""

from collections.abc import Iterator

import pytest

from shared.testing import callers, identity


@pytest.fixture(scope="session", autouse=True)
def issuer() -> Iterator[identity.Issuer]:
    """Whose tokens this service believes."""
    issuer = identity.Issuer()
    with identity.held(issuer):
        yield issuer


@pytest.fixture
def olivia(issuer: identity.Issuer) -> callers.Caller:
    """She sells."""
    return callers.Caller(issuer)


@pytest.fixture
def bruno(issuer: identity.Issuer) -> callers.Caller:
    """He buys."""
    return callers.Caller(issuer)


@pytest.fixture
def nobody() -> callers.Caller:
    """Has no token."""
    return callers.Caller()
