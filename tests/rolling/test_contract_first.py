"""The control: a release that takes away what the one before it reads, and the same people notice."""

from shared.testing import waiting
from tests.rolling import crowd, releases


def broken(witness):
    """Whatever orders could not answer."""
    return [trouble for trouble in witness.troubles if "/api/orders" in trouble and ": 500 " in trouble]


def test_a_column_that_is_dropped_under_old_code_is_noticed(market, upgrade, tmp_path):
    release = releases.contracted(tmp_path / "next")

    with crowd.trading(market) as witness:
        witness.sees_a_while()
        assert witness.troubles == []
        upgrade.migrates(release)
        try:
            waiting.until(lambda: broken(witness), seconds=30, what="somebody to notice")
        finally:
            upgrade.migrates(release, "orders", releases.newest())
