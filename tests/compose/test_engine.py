"""An engine of our own, in a network of its own beside whichever serves the other tests: it ends, and all of it."""

import os
import secrets
import signal
import subprocess
import sys
import tarfile

import psutil
import pytest

from deploy.local import homes
from shared.testing import waiting

SCRIPT = """
import pathlib, socket, subprocess, sys
from deploy.airgap import engine
place, archive, seconds = sys.argv[1:]
with engine.running(pathlib.Path(place)) as ours:
    ours.docker("import", archive, "sleeper")
    ours.docker("run", "--detach", "--stop-timeout=1", "sleeper", "/usr/bin/sleep", seconds)
    print("up", flush=True)
    sys.stdin.readline()
print(subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout)
print(*[name for _, name in socket.if_nameindex()])
"""


class Ours:
    """A process that runs an engine with one container in it, which sleeps for a number of seconds that tells it."""

    def __init__(self, place):
        self.place, self.seconds = place / "engine", f"{secrets.randbelow(10**6) + 10**6}"
        line = ["unshare", "--net", sys.executable, "-c", SCRIPT]
        self.process = subprocess.Popen(
            [*line, str(self.place), str(_sleeper(place)), self.seconds],
            cwd=homes.ROOT,
            env=os.environ | {"DOCKER_HOST": f"unix://{place}/nobody", "PYTHONPATH": str(homes.ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self):
        assert self.process.stdout.readline() == "up\n"
        assert self.named(self.seconds)
        return self

    def end(self):
        """What was left in its network afterwards."""
        left, _ = self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0
        return left

    def named(self, word):
        """The processes whose command line has that word in it, but for the script itself."""
        listed = psutil.process_iter(["cmdline"])
        return [one for one in listed if one.pid != self.process.pid and word in " ".join(one.info["cmdline"] or [])]

    def is_gone(self):
        return not self.named(self.seconds) and not self.named(str(self.place))


def _sleeper(place):
    """The archive of a root directory that holds `sleep` and what it is linked with."""
    told = subprocess.run(["ldd", "/usr/bin/sleep"], check=True, capture_output=True, text=True).stdout.split()
    with tarfile.open(place / "sleeper.tar", "w", dereference=True) as archive:
        for name in ["/usr/bin/sleep", *(word for word in told if word.startswith("/"))]:
            archive.add(name)
    return place / "sleeper.tar"


@pytest.fixture
def ours(tmp_path):
    running = Ours(tmp_path)
    try:
        yield running.begin()
    finally:
        running.process.kill()
        running.process.communicate()
    waiting.until(running.is_gone, seconds=60, what="the engine to be gone")


class TestAnEngineOfOurOwn:
    def test_takes_its_containers_and_its_traces_along(self, ours):
        left = ours.end()

        assert ours.is_gone()
        assert "DOCKER" not in left
        assert "docker0" not in left

    def test_takes_them_along_although_it_was_killed(self, ours):
        (daemon,) = [one for one in ours.named(f"--data-root={ours.place}") if one.name() == "dockerd"]
        daemon.kill()

        left = ours.end()

        assert ours.is_gone()
        assert "docker0" not in left

    def test_ends_with_who_has_started_it(self, ours):
        ours.process.send_signal(signal.SIGKILL)

        waiting.until(ours.is_gone, seconds=60, what="the engine to be gone")

    def test_is_the_only_one_on_its_data(self, ours):
        line = [sys.executable, "-c", SCRIPT, str(ours.place), "none", "1"]
        told = os.environ | {"DOCKER_HOST": f"unix://{ours.place}/nobody", "PYTHONPATH": str(homes.ROOT)}
        second = subprocess.run(
            ["unshare", "--net", *line], cwd=homes.ROOT, env=told, check=False, capture_output=True, text=True
        )

        assert second.returncode == 1
        assert "Another engine works" in second.stderr
