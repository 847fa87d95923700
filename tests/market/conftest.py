import pytest

from shared.testing import collector as collectors

pytest_plugins = ["shared.testing.market", "tests.market.crowd"]


@pytest.fixture(scope="session")
def collector():
    """Whom the services tell of their spans."""
    with collectors.Collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def told(collector):
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "500"}
