"""What can be told of the air-gapped base images without an engine."""

import re

import pytest

from deploy.airgap import debian, engine, images
from deploy.local import homes
from deploy.local.refusals import Refusal

DEPLOY = homes.ROOT / "deploy"
STAGE = re.compile(r"^FROM (\S+)(?: AS (\S+))?", re.MULTILINE)


class TestNames:
    @pytest.mark.parametrize("dockerfile", sorted(DEPLOY.rglob("*Dockerfile")), ids=str)
    def test_every_image_that_a_dockerfile_stands_on_can_be_built_here(self, dockerfile):
        stages = STAGE.findall(dockerfile.read_text())
        own = {name for _, name in stages}

        assert {base for base, _ in stages} - own <= set(images.NAMES)


class TestDigest:
    @pytest.fixture
    def house(self, tmp_path, monkeypatch):
        """A copy of what the recipes read, which a test may change."""
        for file in (*(DEPLOY / "airgap").iterdir(), homes.ROOT / "requirements" / "dev.txt"):
            if file.is_file():
                copy = tmp_path / file.relative_to(homes.ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
        monkeypatch.setattr(homes, "ROOT", tmp_path)
        monkeypatch.setattr(images, "_PLACE", tmp_path / "deploy" / "airgap")
        return tmp_path

    @pytest.mark.parametrize(
        ("file", "changed"),
        [
            ("deploy/airgap/postgres.sh", {"postgres:15-bookworm"}),
            ("deploy/airgap/rabbitmq.Dockerfile", {"rabbitmq:3.10-management"}),
            ("deploy/airgap/pip.conf", {"python:3.11-slim-bookworm", "caddy:2"}),
            ("requirements/dev.txt", {"caddy:2"}),
        ],
    )
    def test_changes_with_what_the_image_is_made_of_and_with_nothing_else(self, house, file, changed):
        before = {name: images.digest(name) for name in images.NAMES}
        (house / file).write_text((house / file).read_text() + "\n# changed\n")

        assert {name for name in images.NAMES if images.digest(name) != before[name]} == changed

    def test_changes_with_whom_this_machine_believes(self, monkeypatch):
        before = images.digest("postgres:15-bookworm")
        monkeypatch.setattr(debian, "_authorities_of_this_machine", lambda: ["a proxy that inspects"])

        assert images.digest("postgres:15-bookworm") != before


class TestEngine:
    def test_is_refused_to_who_is_not_root_where_none_answers(self, tmp_path, monkeypatch):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
        monkeypatch.setattr("os.geteuid", lambda: 1000)

        with pytest.raises(Refusal, match="No container engine answers"), engine.running(tmp_path):
            pytest.fail("there is none")
