import pytest

from tests.observability import scraping

pytest_plugins = ["shared.testing.market", "tests.market.crowd"]


@pytest.fixture(scope="session")
def watched(market, tmp_path_factory):
    """A Prometheus that scrapes every process of the market, and its broker."""
    every = {**scraping.targets(market), **scraping.open_broker(market)}
    with scraping.prometheus(tmp_path_factory.mktemp("prometheus"), every) as started:
        yield started
