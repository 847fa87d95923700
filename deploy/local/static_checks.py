"""What is checked without running the market; each check counts as one test."""

import concurrent.futures
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deploy.compose import stack
from deploy.local import homes, ports, services

_PROGRAMS = Path(sys.executable).parent
_LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS: dict[str, list[str]] = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy", "shared", *(f"{service}_service" for service in services.NAMES), "deploy"],
    "lint-imports": ["-c", _LINT_IMPORTS],
}


def run(environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """How many checks passed, and what each of the others said."""
    with tempfile.TemporaryDirectory() as place, concurrent.futures.ThreadPoolExecutor(2) as pool:
        lines = {name: ([sys.executable, *line], dict(environment)) for name, line in CHECKS.items()}
        lines["hadolint"] = ([str(_PROGRAMS / "hadolint"), *_dockerfiles()], dict(environment))
        lines |= _compose_checks(environment)
        lines |= _django_checks(homes.Home(Path(place) / "home"))
        results = list(pool.map(lambda name: _run(name, *lines[name]), lines))
    failures = [said for said in results if said]
    return len(results) - len(failures), failures


def _dockerfiles() -> list[str]:
    return sorted(str(path.relative_to(homes.ROOT)) for path in (homes.ROOT / "deploy").rglob("*Dockerfile"))


def _compose_checks(environment: Mapping[str, str]) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Do the files of the containers make sense together, and does each container get no more than it needs."""
    config = stack.Stack(environment).line("--profile", "*", "config", "--quiet")
    rules = str(stack.PLACE / ".compose-lint.yml")
    lint = [str(_PROGRAMS / "compose-lint"), "check", "--quiet", "--skip-suppressed"]
    lint += ["--fail-on", "low", "--strict-config", "--config", rules]
    lint += sorted(str(path) for path in stack.PLACE.glob("[!.]*.yml"))
    return {"compose config": (config, dict(environment)), "compose-lint": (lint, dict(environment))}


def _django_checks(home: homes.Home) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Of every service: are its migrations complete, and would it do in production."""
    names = ["broker", *(f"{service}.{kind}" for service in services.NAMES for kind in ("web", "postgres"))]
    book = dict.fromkeys(names, ports.NOWHERE)
    market = services.Market(home=home, ports=book, port=ports.NOWHERE, broker="embedded", limits=True)
    lines = {}
    for service in services.NAMES:
        told = {**services.environment(market, service), "LOG_LEVEL": "ERROR"}
        public = {**told, "PUBLIC_ORIGIN": "https://tickets.example"}
        checks = ["check", "--deploy", "--fail-level", "WARNING"]
        # Without a database Django warns that it cannot compare the history; that is not what is asked here.
        quiet = [sys.executable, "-W", "ignore::RuntimeWarning"]
        migrations = services.manage(service, "makemigrations", "--check", "--dry-run")[1:]
        lines[f"{service}: makemigrations --check"] = ([*quiet, *migrations], told)
        lines[f"{service}: check --deploy"] = (services.manage(service, *checks), public)
    return lines


def _run(name: str, line: list[str], environment: Mapping[str, str]) -> str:
    """What a check that failed has said; nothing for one that passed."""
    done = subprocess.run(
        line, cwd=homes.ROOT, env=environment, check=False, capture_output=True, text=True, errors="replace"
    )
    if done.returncode == 0:
        return ""
    return f"--- {name}\n{done.stdout.strip()}\n{done.stderr.strip()}".strip()
