"""Where mutants are made: a copy of the repository in which one line is wrong, and a process that runs a check there.

The tree itself is never touched. The databases are made once a suite and kept from check to check, but for a mutant of
a migration, whose database is made for it and goes with it.
"""

import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.local import homes
from tests.mutants.mutant import Mutant

CAUGHT, SURVIVED = "caught", "survived"
_COPIED = ("shared", "deploy", "tests", "pyproject.toml")
_LONGEST_CHECK = 240
_PYTEST = (sys.executable, "-m", "pytest", "-q")
# Randomness would only make a mutant's fate harder to repeat; the others cost more to load than most checks to run.
_WITHOUT = ("randomly", "schemathesis", "xdist", "faker", "anyio")
_ASSERTIONS = ("assert ", "AssertionError", "Failed: DID NOT RAISE")


@dataclasses.dataclass(frozen=True)
class Case:
    """What came of one test in the copy. `failure`: how it failed; `trouble`: it broke down before or after."""

    name: str
    failure: str | None
    trouble: str | None
    is_skipped: bool

    @property
    def has_passed(self) -> bool:
        return self.failure is None and self.trouble is None and not self.is_skipped

    def is_of(self, check: str) -> bool:
        """Whether this is the test of that node id, or one of its parameters."""
        name = check.replace(".py::", "::").replace("::", ".").replace("/", ".")
        return self.name == name or self.name.startswith(f"{name}[")


class Bench:
    """A copy of the repository at `place`, and a PostgreSQL server at `postgres_url` for the checks that run in it."""

    def __init__(self, place: Path, *, postgres_url: str) -> None:
        self._place, self._postgres_url = place, postgres_url
        for name in (*_COPIED, *(folder.name for folder in homes.ROOT.glob("*_service"))):
            original = homes.ROOT / name
            if original.is_dir():
                shutil.copytree(original, place / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(original, place / name)

    @contextlib.contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """With the mutant in the copy. Raises ValueError where the text it replaces does not stand there once."""
        path, before = self._place / mutant.file, self.text(mutant.file)
        path.write_text(mutant.applied_to(before))
        try:
            yield
        finally:
            path.write_text(before)

    def text(self, file: str) -> str:
        """The file as it stands in the copy."""
        return (self._place / file).read_text()

    def fate(self, mutant: Mutant) -> str:
        """CAUGHT if the mutant's check, and nothing else, failed as it should; SURVIVED if it passed; or what broke."""
        fate = SURVIVED
        with self.mutated(mutant):
            for _try in range(mutant.tries):
                if fate == SURVIVED:
                    fate = self._fate_in_one_try(mutant)
        return fate

    def _fate_in_one_try(self, mutant: Mutant) -> str:
        database = "--create-db" if mutant.is_of_a_migration else "--reuse-db"
        cases, output = self.run([mutant.check], "--exitfirst", database)
        if not cases or not all(case.is_of(mutant.check) for case in cases) or any(case.trouble for case in cases):
            return f"broken: {output}"
        failures = [case.failure for case in cases if case.failure is not None]
        if not failures:
            return SURVIVED
        return CAUGHT if failures[0].startswith(mutant.by or _ASSERTIONS) else f"failed otherwise: {failures[0]}"

    def run(self, checks: Sequence[str], *options: str) -> tuple[list[Case], str]:
        """Run these tests of one suite in the copy: what came of each, and what pytest said."""
        report = self._place / "report.xml"
        report.unlink(missing_ok=True)
        done = subprocess.run(
            [*_PYTEST, *(f"-pno:{plugin}" for plugin in _WITHOUT), f"--junitxml={report}", *options, *checks],
            cwd=self._place,
            env={**os.environ, "TEST_POSTGRES_URL": self._postgres_url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_LONGEST_CHECK,
            check=False,
        )
        return (_cases(report) if report.exists() else []), done.stdout


def _cases(report: Path) -> list[Case]:
    return [
        Case(
            name=f"{case.get('classname')}.{case.get('name')}",
            failure=_message(case, "failure"),
            trouble=_message(case, "error"),
            is_skipped=case.find("skipped") is not None,
        )
        for case in ElementTree.parse(report).iter("testcase")  # noqa: S314 - a file of our own making
    ]


def _message(case: ElementTree.Element, kind: str) -> str | None:
    found = case.find(kind)
    return None if found is None else found.get("message", "")
