import pytest

from shared.testing import postgres
from tests.mutants import workshop


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    """One copy, and a server of its own: its databases are named like those of the suites that run beside this one."""
    with postgres.server() as server:
        yield workshop.Bench(tmp_path_factory.mktemp("copy"), postgres_url=server.url(database="").rstrip("/"))
