"""The house: every service has the same shape, stands alone, and every module has exactly one name."""

import ast
import os
import pathlib
import shutil
import string
import subprocess
import sys
import tomllib

import pytest

from deploy.local import services
from shared.messaging import topology

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = {service: services.noun(service) for service in topology.SERVICES}
FIVE_WORDS = {"models", "commands", "queries", "handlers", "views"}
ENVIRONMENT = {
    "SECRET_KEY": string.ascii_letters,
    "BROKER_URL": "amqp://guest@127.0.0.1:9/market",
    "CELERY_BROKER_URL": "amqp://guest@127.0.0.1:9/payments",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing",
    "PUBLIC_ORIGIN": "http://127.0.0.1:8000",
    "JWKS_URL": "http://127.0.0.1:9/.well-known/jwks.json",
    "SIGNING_SECRET": "s" * 50,
    "REFRESH_SECRET": "r" * 50,
    "EMAIL_URL": "smtp://127.0.0.1:9",
}

# A word that has outgrown one file is a package by noun, which gives its parts the import path of the word.
GATHERED = {"commands", "models"}

every_service = pytest.mark.parametrize(("service", "noun"), SERVICES.items(), ids=SERVICES)


def run(*command, cwd, **environment):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=kept | ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def files_of(service, noun, word):
    """The files of one of the five words: a module, or the modules of a package."""
    app = ROOT / f"{service}_service" / noun
    return [*app.glob(f"{word}.py"), *app.glob(f"{word}/*.py")]


def test_every_folder_that_looks_like_a_service_is_known_here():
    assert {folder.name for folder in ROOT.glob("*_service")} == {f"{name}_service" for name in SERVICES}


@every_service
class TestShape:
    def test_has_the_five_words(self, service, noun):
        present = {word for word in FIVE_WORDS if files_of(service, noun, word)}
        hears_somebody = topology.LISTENS[service]
        assert (FIVE_WORDS if hears_somebody else FIVE_WORDS - {"handlers"}) <= present

    def test_keeps_http_out_of_the_domain(self, service, noun):
        for word in ("models", "commands", "queries"):
            for file in files_of(service, noun, word):
                assert "django.http" not in file.read_text(), file

    def test_keeps_packages_empty(self, service, noun):
        packages = (ROOT / f"{service}_service").rglob("__init__.py")
        assert [file for file in packages if file.parent.name not in GATHERED and file.read_text().strip()] == []

    def test_gathers_a_word_and_does_nothing_else_there(self, service, noun):
        for word in GATHERED:
            for file in (ROOT / f"{service}_service" / noun / word).glob("__init__.py"):
                kinds = {type(step) for step in ast.parse(file.read_text()).body}
                assert kinds <= {ast.Expr, ast.ImportFrom, ast.Assign}, file

    def test_is_named_in_every_rule_that_names_services(self, service, noun):
        for contract in contracts():
            text = str(contract)
            if "_service" in text:
                assert f"{service}_service" in text, contract["name"]

    def test_has_requirements_of_its_own_and_a_lock_with_hashes(self, service, noun):
        lock = (ROOT / "requirements" / f"{service}.txt").read_text()
        assert "-r shared.in" in (ROOT / "requirements" / f"{service}.in").read_text()
        assert lock.count("--hash=sha256:") > lock.count("==")


@every_service
class TestStandsAlone:
    @pytest.fixture
    def alone(self, service, tmp_path):
        ignored = shutil.ignore_patterns("__pycache__", "testing")
        for folder in ("shared", f"{service}_service"):
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
        return tmp_path

    def test_boots_from_a_folder_that_holds_only_itself_and_shared(self, service, noun, alone):
        done = run(f"{service}_service/manage.py", "check", cwd=alone)

        assert done.returncode == 0, done.stderr

    def test_passes_the_deployment_checks(self, service, noun, alone):
        https = {"PUBLIC_ORIGIN": "https://tickets.example"}
        done = run(f"{service}_service/manage.py", "check", "--deploy", "--fail-level", "WARNING", cwd=alone, **https)

        assert done.returncode == 0, done.stderr

    def test_gives_every_module_one_name(self, service, noun, alone):
        """With its own folder on the path, `config` could be imported beside `orders_service.config`: two settings."""
        program = "import importlib.util as u, sys; sys.exit(any(map(u.find_spec, ('config', sys.argv[-1]))))"
        script = alone / f"{service}_service" / "probe.py"
        text = (alone / f"{service}_service" / "manage.py").read_text()
        script.write_text(text.replace("execute_from_command_line(sys.argv)", f"exec({program!r})"))

        assert run(str(script), noun, cwd=alone).returncode == 0

    def test_names_everything_that_is_missing_in_one_message(self, service, noun, alone):
        done = run(f"{service}_service/manage.py", "check", cwd=alone, SECRET_KEY="", BROKER_URL="")

        assert done.returncode != 0
        assert "SECRET_KEY, BROKER_URL is not set" in done.stderr
