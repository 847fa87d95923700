import json
import subprocess
from pathlib import Path

import pytest

from shared.testing import suite

suite.prepare(
    "auth_service.config.settings",
    service="jose",
    SIGNING_SECRET="seals keys in tests",
    REFRESH_SECRET="derives refresh tokens in tests",
    CELERY_BROKER_URL="memory://",
    EMAIL_URL="dummymail://",
)

HERE = Path(__file__).parent
LOCK, INSTALLED = HERE / "package-lock.json", HERE / "node_modules" / ".installed"


@pytest.fixture(scope="session")
def package():
    """The npm package `jose` as the lock has it, kept beside the tests from one run to the next."""
    if not INSTALLED.exists() or INSTALLED.read_bytes() != LOCK.read_bytes():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)
        INSTALLED.write_bytes(LOCK.read_bytes())


@pytest.fixture(scope="session")
def node(package):
    """`node("sign.mjs", claims=…)`: what a script of this folder makes of what it is told."""

    def run(script, **told):
        line = ["node", str(HERE / script)]
        done = subprocess.run(line, input=json.dumps(told), capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
