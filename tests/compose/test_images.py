"""What the images are made of, and how what runs in them ends."""

import json
import time

import pytest

from deploy.airgap import images
from deploy.local import services

LARGEST = 250_000_000
"""Bytes that an image may add to its base."""
BASES = {**dict.fromkeys(services.NAMES, "python:3.11-slim-bookworm"), "gateway": "caddy:2"}


class Image:
    """The image of a service or of the gateway that the market runs."""

    def __init__(self, market, name):
        self._docker = market.stack.docker
        self.name = f"admit-one-{name}:{market.stack.environment['ADMIT_ONE_VERSION']}"

    def known(self):
        """What the engine knows of it."""
        (known,) = json.loads(self._docker("image", "inspect", self.name))
        return known

    def says(self, script):
        """What a shell in a new container of it prints."""
        alone = ("run", "--rm", "--read-only", "--network=none", "--entrypoint=sh")
        return self._docker(*alone, self.name, "-c", script)


@pytest.fixture
def image(market):
    return lambda name: Image(market, name)


@pytest.mark.parametrize("name", BASES)
class TestEveryImage:
    def test_adds_little_to_its_base(self, market, image, name):
        base = json.loads(market.stack.docker("image", "inspect", BASES[name]))[0]["Size"]

        assert image(name).known()["Size"] - base < LARGEST

    def test_is_nobody_in_particular_and_tells_what_it_is(self, image, name):
        told = image(name).known()["Config"]

        assert told["User"] == "10001:10001"
        assert told["Labels"]["org.opencontainers.image.title"] == f"admit-one-{name}"
        assert told["Labels"]["org.opencontainers.image.base.name"] == BASES[name]
        assert BASES[name] in images.NAMES
        assert told["Healthcheck"]["Test"]

    def test_holds_nothing_that_builds(self, image, name):
        found = image(name).says("for tool in pip pip3 gcc cc make git; do command -v $tool || true; done")

        assert found == ""


@pytest.mark.parametrize("service", services.NAMES)
class TestAServicesImage:
    def test_holds_only_itself_and_what_all_share(self, image, service):
        assert set(image(service).says("ls /app").split()) == {f"{service}_service", "shared"}

    def test_holds_no_tests_and_no_installer(self, image, service):
        script = "import importlib.util as u; print([n for n in ('pip', 'pytest', 'shared.testing') if u.find_spec(n)])"

        assert image(service).says(f'python -c "{script}"') == "[]"

    def test_has_everything_compiled(self, image, service):
        """For nothing can be written there, and whoever starts would compile it anew."""
        places = "find /app /venv -name '*.py' -printf '%h\\n' | sort -u"
        missing = f"{places} | while read -r place; do [ -d $place/__pycache__ ] || echo $place; done"

        assert image(service).says(missing) == ""

    def test_is_unwell_when_nothing_listens(self, image, service):
        assert image(service).says("healthcheck; echo $?") == "1"


@pytest.mark.parametrize("process", ["tickets.web", "tickets.messaging", "payments.worker"])
def test_a_process_ends_well_within_ten_seconds(market, process):
    began = time.monotonic()
    market.stop(process)
    took = time.monotonic() - began
    codes = {one["State"]["ExitCode"] for one in market.containers(process)}
    market.start(process)

    assert codes == {0}
    assert took < 10
