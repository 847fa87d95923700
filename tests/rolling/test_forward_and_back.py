"""Orders is replaced by its next release and put back while people buy: no request fails, and nothing is lost."""

import sys
import time

from deploy.local import homes
from tests.rolling import crowd, releases
from tests.rolling.operator import NEW, OLD

SAID = "SELECT data ? 'channel' AS new, count(*) AS number FROM messaging_outboxevent GROUP BY 1"
CHANNELS = "SELECT channel, count(*) AS number FROM orders_order GROUP BY 1"


def test_two_releases_serve_side_by_side_forward_and_back(market, upgrade, olivia, bruno, behind, tmp_path):
    release = releases.expanded(tmp_path / "next")
    early, late = olivia.offers(title="Hamlet, row A"), olivia.offers(title="Hamlet, row B")
    began = time.monotonic()

    with crowd.trading(market) as witness:
        witness.sees_a_while()
        placed_by_old = bruno.has_ordered(early)

        upgrade.migrates(release)
        witness.sees_a_while()
        upgrade.begins(release)
        upgrade.leads_to(OLD, NEW)
        witness.sees_a_while()
        upgrade.ends(OLD, other=NEW)
        only_new = witness.placed.copy()
        witness.sees_a_while()
        assert witness.placed["old"] == only_new["old"]
        bruno.has_paid(placed_by_old)
        assert bruno.sees_order(placed_by_old, "complete")["channel"] == "counter"
        placed_by_new = bruno.has_ordered(late)
        assert placed_by_new["channel"] == "app"

        upgrade.migrates(homes.ROOT)
        upgrade.begins_again()
        upgrade.leads_to(OLD, NEW)
        witness.sees_a_while()
        upgrade.ends(NEW, other=OLD)
        only_old = witness.placed.copy()
        witness.sees_a_while()
        assert witness.placed["new"] == only_old["new"]
        bruno.has_paid(placed_by_new)
        assert "channel" not in bruno.sees_order(placed_by_new, "complete")

    seconds = time.monotonic() - began
    sys.stdout.write(
        f"\n{witness.bought} purchases and {witness.answers} answers in {seconds:.0f} s, "
        f"orders by release {dict(witness.placed)}; troubles: {witness.troubles}\n"
    )
    assert witness.troubles == []
    assert behind.audit() == []
    said = {row["new"]: row["number"] for row in behind.run("orders", SAID)}
    assert min(said[True], said[False]) > witness.bought
    kept = {row["channel"]: row["number"] for row in behind.run("orders", CHANNELS)}
    assert kept == {"counter": witness.placed["old"] + 1, "app": witness.placed["new"] + 1}
