"""The lines by which the operator's page puts a service back, run as they stand there."""

import re
import subprocess

from deploy.local import homes
from shared.testing import waiting


def test_a_service_is_put_back_as_the_page_says(market, olivia, bruno, tmp_path):
    bought = bruno.has_bought(olivia.offers())
    begun = bruno.has_ordered(olivia.offers())

    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block().replace("./manage_all.py", str(homes.ROOT / "manage_all.py"))],
        cwd=tmp_path,
        env=market.stack.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "orders.dump").stat().st_size > 10_000
    market.wait_ready("orders.web")
    assert bruno.sees_order(bought, "complete")
    # It takes writes again when it has heard what the others have said meanwhile.
    ticket = olivia.offers()
    waiting.until(lambda: bruno.orders(ticket).status_code == 201, seconds=60, every=1, what="orders to take writes")
    bruno.has_paid(begun)
    assert bruno.sees_order(begun, "complete")


def block():
    page = (homes.ROOT / "docs" / "operations.md").read_text()
    found = re.search(r"<!-- restore in containers -->\n```sh\n(.*?)```", page, re.DOTALL)
    assert found, "the page has no such block"
    return found[1]
