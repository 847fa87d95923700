import pytest

from shared.identity import copies
from shared.testing import identity


@pytest.fixture(scope="session")
def issuer():
    return identity.Issuer()


@pytest.fixture
def held(issuer):
    """The verifier believes `issuer`, and nothing is revoked."""
    with identity.held(issuer):
        yield issuer


@pytest.fixture
def kept(issuer, transactional_db):
    """The key of `issuer` is in the service's database."""
    copies.keep_keys({issuer.kid: issuer.public})
    return issuer
