import tempfile
from pathlib import Path

import pytest

from deploy.local import homes


@pytest.fixture
def home():
    """An empty home that the user of the databases may enter, whoever runs the tests."""
    with tempfile.TemporaryDirectory(prefix="home-") as place:
        Path(place).chmod(0o711)
        fresh = homes.Home(Path(place).resolve() / "home")
        fresh.prepare()
        yield fresh
