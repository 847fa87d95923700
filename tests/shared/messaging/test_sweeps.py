import functools

import pytest

from shared.messaging import sweeps
from shared.testing import waiting

pytestmark = pytest.mark.usefixtures("on_stage")

runs: list[str] = []


def dust() -> None:
    runs.append("dust")


def break_a_vase() -> None:
    runs.append("vase")
    raise RuntimeError("crash")


def path(function):
    return f"{__name__}.{function.__name__}"


@pytest.fixture(autouse=True)
def sweeping(settings):
    runs.clear()
    settings.MESSAGING_SWEEPS = {path(break_a_vase): 0.05, path(dust): 0.05}


def test_come_again_every_period_whatever_another_one_does(running):
    running(sweeps.run)

    waiting.until(lambda: runs.count("dust") >= 3)
    assert runs.count("vase") >= 3


def test_wait_for_their_period(running, settings):
    settings.MESSAGING_SWEEPS = {path(dust): 3600.0, path(break_a_vase): 0.05}

    running(sweeps.run)

    waiting.until(lambda: runs.count("vase") >= 5)
    assert runs.count("dust") == 1


def test_only_the_leader_sweeps(running):
    parts = [running(functools.partial(sweeps.run)) for _ in range(2)]

    waiting.until(lambda: sorted(part.status.text for part in parts) == ["spare", "sweeping"])


def test_none_is_fine_too(running, settings):
    settings.MESSAGING_SWEEPS = {}

    part = running(sweeps.run)

    waiting.until(lambda: part.status.text == "sweeping")
