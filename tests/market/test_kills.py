"""`kill -9` in the middle of many purchases: each of them is made all the same, once, and paid once."""

import os
import re
import subprocess
import sys

from deploy.local import homes
from shared.testing import waiting

PURCHASES, BUYERS = 80, 10
VICTIMS = ("orders.messaging", "tickets.web", "broker")
_WITHIN = 150.0


def test_purchases_survive_the_death_of_a_consumer_a_web_process_and_the_broker(market, behind):
    bought_before = _complete(behind)
    shopping = _demo(market)
    try:
        for turn, victim in enumerate(VICTIMS, start=1):
            so_many = bought_before + turn * PURCHASES // 5
            waiting.until(lambda so_many=so_many: _complete(behind) >= so_many, seconds=_WITHIN, what="purchases")
            assert shopping.poll() is None, "the last purchase was made before everybody was killed"
            market.kill(victim)
        said, _ = shopping.communicate(timeout=_WITHIN)
    finally:
        shopping.kill()
        shopping.wait()
        for victim in VICTIMS:
            market.wait_ready(victim)

    assert shopping.returncode == 0, said
    assert _table(said) == [PURCHASES, 0, 0], said
    assert _complete(behind) == bought_before + PURCHASES
    assert behind.audit() == []
    assert all(market.row(victim)["restarts"] >= 1 for victim in VICTIMS)


def _demo(market):
    line = [sys.executable, "manage_all.py", "demo", "--buy", str(PURCHASES), "--buyers", str(BUYERS)]
    return subprocess.Popen(
        line,
        cwd=homes.ROOT,
        env={**os.environ, "ADMIT_ONE_HOME": str(market.home), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _complete(behind):
    (row,) = behind.run("orders", "SELECT count(*) AS number FROM orders_order WHERE status = 'complete'")
    return row["number"]


def _table(said):
    """Bought, refused and failed, from the table that the demo prints."""
    (row,) = re.findall(r"^│ +(\d+) +│ +(\d+) +│ +(\d+) +│.*ms", said, re.MULTILINE)
    return [int(cell) for cell in row]
