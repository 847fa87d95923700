"""The first purchase that the README walks its reader through, line by line as it stands there."""

import os
import re
import subprocess

from deploy.local import homes


def test_the_first_purchase_of_the_readme_works_as_it_is_written(market, tmp_path):
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", _block("walk-through")],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "MARKET": market.url},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    # An answer ends without a line break, so a status may stand behind one.
    assert re.findall(r"^(?:\{.*\})?(\w+)$", done.stdout, re.MULTILINE) == ["awaiting_payment", "complete", "sold"]
    assert "olivia@example.com" in done.stdout
    assert '"amount":12.5' in done.stdout.replace(" ", "")
    assert not done.stderr


def _block(mark):
    """The shell lines in the fence after the comment `<!-- mark -->`."""
    readme = (homes.ROOT / "README.md").read_text()
    found = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert found, f"the README has no block {mark}"
    return found[1]
