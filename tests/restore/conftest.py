import json
import os
import re
import subprocess
import sys

import pytest

from deploy.local import homes, services

pytest_plugins = ["shared.testing.market", "tests.market.crowd"]


class Operator:
    """Somebody at the terminal of this market."""

    def __init__(self, market):
        self._market = market

    def begins(self, *words):
        """A command under way."""
        return subprocess.Popen(
            [sys.executable, "manage_all.py", *words],
            cwd=homes.ROOT,
            env={**os.environ, "ADMIT_ONE_HOME": str(self._market.home), "COLUMNS": "400"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def runs(self, *words):
        """What a command has printed; it ends well."""
        code, said = self.tries(*words)
        assert code == 0, said
        return said

    def tries(self, *words):
        """The exit code and what was printed."""
        with self.begins(*words) as process:
            said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def manages(self, service, *words):
        """A management command of one service."""
        line = services.manage(service, *words)
        subprocess.run(line, cwd=homes.ROOT, env=self._market.environment(service), check=True, capture_output=True)

    def backs_up(self, service):
        """The path of a dump."""
        return re.search(r"/\S+\.dump", self.runs("backup", service))[0]

    def restores(self, service, dump):
        """What the record of the restore says, and what was printed."""
        said = self.runs("restore", service, "--from", dump, "--yes")
        with open(re.search(r"/\S+\.json", said)[0]) as record:
            return json.load(record), said


@pytest.fixture
def operator(market):
    return Operator(market)
