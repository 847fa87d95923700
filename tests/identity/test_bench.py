"""The bench says what it costs to know who is asking, under the strategy of the market that is up."""

import os
import re
import subprocess
import sys

from deploy.local import homes


def test_tells_the_cost_of_somebody_beside_that_of_nobody(market, capsys):
    done = subprocess.run(
        [sys.executable, "manage_all.py", "bench", "identity", "-n", "100"],
        cwd=homes.ROOT,
        env={**os.environ, "ADMIT_ONE_HOME": str(market.home), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
    for who in ("nobody asks", "somebody asks"):
        assert re.search(rf"{market.identity} +{who} \(\d+\) +\d+\.\d ms +\d+\.\d ms", done.stdout), done.stdout
    assert re.search(r"8 at once +\d+/s", done.stdout), done.stdout
