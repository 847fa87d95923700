"""The bench measures the real way of an event, and says so in figures."""

import os
import re
import subprocess
import sys

from deploy.local import homes


def test_tells_latency_and_throughput_of_the_market_that_is_up(market, behind):
    before = behind.run("orders", "SELECT count(*) AS heard FROM messaging_inboxevent")[0]["heard"]
    done = subprocess.run(
        [sys.executable, "manage_all.py", "bench", "-n", "20"],
        cwd=homes.ROOT,
        env={**os.environ, "ADMIT_ONE_HOME": str(market.home), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"commit to applied, 20 single events +\d+\.\d ms +\d+\.\d ms", done.stdout), done.stdout
    assert re.search(r"bursts of 1000 +[\d,]+/s", done.stdout), done.stdout
    heard = behind.run("orders", "SELECT count(*) AS heard FROM messaging_inboxevent")[0]["heard"]
    assert heard - before >= 20 + 20 + 3 * 1000
    assert not [found for found in behind.audit() if found.check == "parked"]
