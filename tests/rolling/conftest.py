import pytest

from shared.testing import market as markets
from tests.rolling import operator

pytest_plugins = ["tests.market.crowd"]
pytest_collection_modifyitems = markets.pytest_collection_modifyitems


@pytest.fixture(scope="module")
def market():
    """One for each module: what one of them does, another could not bear."""
    with markets.running({"WRITES_PER_MINUTE": "0"}) as market:  # people buy faster here than one person may
        yield market


@pytest.fixture
def upgrade(market):
    """What an operator does to orders."""
    return operator.Operator(market)
