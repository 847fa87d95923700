import pytest

from deploy.local import homes
from shared.testing import copies


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A copy of the repository, which the command takes for the repository."""
    tree = copies.copy(tmp_path / "house")
    monkeypatch.setattr(homes, "ROOT", tree)
    return tree
