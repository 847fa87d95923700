"""The test command: every suite a process of its own, two at a time, and one line at the end that says it all."""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from deploy.chaos import networks
from deploy.local import brokers, homes, services, static_checks
from deploy.local.refusals import Refusal
from shared.testing import postgres

out = Console(highlight=False)
_PORTS = ("18000-24999", "25000-31999")
"""Each that runs beside another has its own to choose from: two markets that start at once might take the same."""
_PATIENCE = 5  # a suite that takes so many times its budget is ended
_OURS = ("DJANGO_", "DATABASE_URL", "BROKER_URL", "CELERY_", "MARKET_", "PYTEST_", "ADMIT_ONE_", "OTEL_")
_RABBITMQ, _CHROMIUM, _NPM = "rabbitmq-server", "chromium", "npm"
_PROMETHEUS, _DOCKER = "prometheus", "docker.io"
_NODES = f"{_RABBITMQ} iproute2"
_FOUND: Mapping[str, Callable[[], object]] = {
    _RABBITMQ: lambda: brokers.program(),
    _NODES: lambda: None if networks.missing() else brokers.program(),
    _CHROMIUM: lambda: shutil.which("chromium"),
    _NPM: lambda: shutil.which("npm"),
    _PROMETHEUS: lambda: brokers.program() and shutil.which("promtool") and shutil.which("prometheus"),
    _DOCKER: lambda: shutil.which("docker"),
}
"""By the package that brings a tool: what finds it, or gives None."""

_OF_NO_BROKER = ("accounts", "audit", "edge", "hostile", "lists_and_repeats", "tickets")
"""The tests of the market that are of HTTP or of databases alone; with the embedded broker all run."""
_IN_CONTAINERS = ("accounts", "edge", "lists_and_repeats", "orders", "payments", "tickets", "walk_through")
"""Those that need no more of the market than its gateway and its databases."""
_SHORTER = {"BANS": "60", "ROTATING_SECONDS": "15", "REFRESH_ROUNDS": "10"}
"""What is measured at length with one strategy is only held to its limit with the others."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
    """One process of tests."""

    name: str
    budget: int
    """Seconds it should not exceed on two cores."""
    path: str = ""
    """Below tests/; empty for the static checks."""
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needs: str = ""
    """The packages that bring the tools without which it cannot run."""
    as_root: bool = False
    """It cannot run as anybody else."""
    alone: bool = False
    """It uses the whole machine."""


SUITES = (
    Suite(name="static", budget=120),
    Suite(name="contracts", budget=30, path="contracts"),
    Suite(name="architecture", budget=120, path="architecture"),
    Suite(name="shared", budget=360, path="shared", options=("-m", "not rabbitmq")),
    Suite(name="shared-rabbitmq", budget=120, path="shared", options=("-m", "rabbitmq"), needs=_RABBITMQ),
    Suite(name="auth", budget=360, path="auth"),
    *(Suite(name=service, budget=180, path=service) for service in services.NAMES if service != "auth"),
    Suite(name="jose", budget=90, path="jose", needs=_NPM),
    Suite(name="local", budget=210, path="local"),
    Suite(name="kubernetes", budget=180, path="kubernetes"),
    Suite(name="mutants", budget=330, path="mutants", options=("-m", "not rabbitmq")),
    Suite(name="mutants-rabbitmq", budget=60, path="mutants", options=("-m", "rabbitmq"), needs=_RABBITMQ),
    Suite(name="new-service", budget=420, path="new_service"),
    Suite(name="market-embedded", budget=480, path="market", environment={"MARKET_BROKER": "embedded"}),
    Suite(
        name="market-rabbitmq",
        budget=390,
        path="market",
        options=tuple(f"--ignore=tests/market/test_{name}.py" for name in _OF_NO_BROKER),
        environment={"MARKET_BROKER": "rabbitmq"},
        needs=_RABBITMQ,
    ),
    Suite(name="joining-embedded", budget=240, path="joining", environment={"MARKET_BROKER": "embedded"}),
    Suite(
        name="joining-rabbitmq",
        budget=240,
        path="joining",
        environment={"MARKET_BROKER": "rabbitmq"},
        needs=_RABBITMQ,
    ),
    Suite(
        name="observability",
        budget=240,
        path="observability",
        environment={"MARKET_BROKER": "rabbitmq"},
        needs=_PROMETHEUS,
    ),
    Suite(name="browser", budget=150, path="browser", needs=_CHROMIUM),
    Suite(name="restore", budget=240, path="restore", environment={"MARKET_BROKER": "embedded"}),
    *(
        Suite(
            name=f"identity-{strategy}",
            budget=240,
            path="identity",
            environment={
                "MARKET_BROKER": "embedded",
                "MARKET_IDENTITY": strategy,
                "MARKET_SCHEME": scheme,
                **measured,
            },
            alone=True,
        )
        for strategy, scheme, measured in (
            ("local", "http", {}),
            ("introspect", "http", _SHORTER),
            ("gateway", "https", _SHORTER),
        )
    ),
    Suite(name="chaos", budget=360, path="chaos", needs=_RABBITMQ, alone=True),
    Suite(name="cluster", budget=240, path="cluster", needs=_NODES, as_root=True, alone=True),
    Suite(name="rolling", budget=240, path="rolling", environment={"MARKET_BROKER": "embedded"}, alone=True),
    Suite(
        name="compose",
        budget=720,
        path="compose",
        options=tuple(f"tests/market/test_{name}.py" for name in _IN_CONTAINERS),
        environment={"MARKET_IN_CONTAINERS": "yes"},
        needs=_DOCKER,
        as_root=True,
        alone=True,
    ),
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one suite."""

    suite: Suite
    passed: int
    failed: int
    seconds: float
    output: str


def main(*, names: Sequence[str], everything: bool, arguments: Sequence[str]) -> int:
    """Run the suites called `names` (all when there is none). 0 when nothing failed.

    `everything`: a suite whose tool is missing has failed.
    """
    began = time.monotonic()
    chosen = _choose(names)
    missing = [suite for suite in chosen if not _has_tool(suite)]
    with _scratch_servers(chosen) as servers:
        outcomes = _run(tuple(suite for suite in chosen if suite not in missing), servers, arguments)
    for outcome in outcomes:
        if outcome.failed:
            _show_failure(outcome)
    _show_table(outcomes, time.monotonic() - began)
    for suite in missing:
        verb = "failed" if everything else "not run"
        needs = f"{suite.needs}, and root" if suite.as_root else suite.needs
        out.print(f"{verb}: {suite.name}, which needs {needs}: apt-get install {suite.needs}")
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes) + (len(missing) if everything else 0)
    out.print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _choose(names: Sequence[str]) -> tuple[Suite, ...]:
    """The suites called so, or whose name begins so: `market` means both of it."""
    for name in names:
        if not any(_is_called(suite, name) for suite in SUITES):
            raise Refusal(f"There is no suite {name}.", do="there are: " + ", ".join(suite.name for suite in SUITES))
    return tuple(suite for suite in SUITES if not names or any(_is_called(suite, name) for name in names))


def _is_called(suite: Suite, name: str) -> bool:
    return suite.name == name or suite.name.startswith(f"{name}-")


def _has_tool(suite: Suite) -> bool:
    return not suite.needs or _FOUND[suite.needs]() is not None


@contextlib.contextmanager
def _scratch_servers(chosen: Sequence[Suite]) -> Iterator[Mapping[str, str]]:
    """The addresses of scratch PostgreSQL servers by the tool that a suite needs.

    Suites share one, for their databases have different names; those of one folder, of which one needs a tool, do not.
    """
    with contextlib.ExitStack() as stack:
        try:
            kinds = {suite.needs for suite in chosen if suite.path}
            servers = {needs: stack.enter_context(postgres.server()) for needs in sorted(kinds)}
        except postgres.NoPostgres as error:
            raise Refusal("The tests need PostgreSQL.", why=str(error), do="apt-get install postgresql") from error
        yield {needs: server.url(database="").rstrip("/") for needs, server in servers.items()}


def _run(suites: Sequence[Suite], servers: Mapping[str, str], arguments: Sequence[str]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    ports: queue.SimpleQueue[str] = queue.SimpleQueue()
    for lane in _PORTS:
        ports.put(lane)
    groups = itertools.groupby(suites, key=lambda suite: suite.alone)
    with out.status("") as spinner:
        for alone, group in groups:
            waiting = list(group)
            with concurrent.futures.ThreadPoolExecutor(1 if alone else len(_PORTS)) as pool:
                # The longest first, so that none is left alone at the end.
                waiting.sort(key=lambda suite: -suite.budget)
                running = {pool.submit(_run_suite, suite, servers, arguments, ports): suite for suite in waiting}
                left = [suite.name for suite in waiting]
                for future in concurrent.futures.as_completed(running):
                    left.remove(running[future].name)
                    spinner.update(f"still to come: {', '.join(left)}")
                    outcomes.append(future.result())
                    _show_line(outcomes[-1])
    return outcomes


def _run_suite(
    suite: Suite, servers: Mapping[str, str], arguments: Sequence[str], lanes: "queue.SimpleQueue[str]"
) -> Outcome:
    ports = lanes.get()
    try:
        return _outcome(suite, {"TEST_POSTGRES_URL": servers.get(suite.needs, ""), "ADMIT_ONE_PORTS": ports}, arguments)
    finally:
        lanes.put(ports)


def _outcome(suite: Suite, told: Mapping[str, str], arguments: Sequence[str]) -> Outcome:
    began = time.monotonic()
    if not suite.path:
        passed, failures = static_checks.run(_clean_environment())
        return Outcome(suite, passed, len(failures), time.monotonic() - began, "\n".join(failures))
    with tempfile.TemporaryDirectory(prefix="suite-") as place:
        report = Path(place) / "report.xml"
        code, output = _pytest(suite, report, told, arguments)
        passed, failed, skipped = _count(report)
    if skipped:
        output += f"\n{skipped} skipped: in a suite that runs nothing is skipped, so they count as failed"
    failed += skipped
    if code == 5 and not arguments:
        output += "\nthis suite has no tests"
    if code not in (0, 5) or (code == 5 and not arguments):
        failed = max(failed, 1)
    return Outcome(suite, passed, failed, time.monotonic() - began, output)


def _pytest(suite: Suite, report: Path, told: Mapping[str, str], arguments: Sequence[str]) -> tuple[int, str]:
    line = [sys.executable, "-m", "pytest", f"tests/{suite.path}", "-q", f"--junitxml={report}"]
    started = subprocess.Popen(
        [*line, *suite.options, *arguments],
        cwd=homes.ROOT,
        env={**_clean_environment(), **told, **suite.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        output, _ = started.communicate(timeout=suite.budget * _PATIENCE)
    except subprocess.TimeoutExpired:
        # Gently: a session of tests ends the market it has started.
        started.terminate()
        output, _ = started.communicate()
        return 124, f"{output}\nended after {_PATIENCE} times its budget of {suite.budget} s"
    return started.returncode, output


def _count(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped, from the report that pytest wrote; nothing when it wrote none."""
    if not report.exists():
        return 0, 0, 0
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - a file of our own making
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif (reason := case.find("skipped")) is not None and reason.get("type") != "pytest.xfail":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def _show_line(outcome: Outcome) -> None:
    mark = "[red]✗[/]" if outcome.failed else "[green]✓[/]"
    count = f"{outcome.passed} passed" + (f", [red]{outcome.failed} failed[/]" if outcome.failed else "")
    late = " [yellow]over its budget[/]" if outcome.seconds > outcome.suite.budget else ""
    out.print(f"{mark} {outcome.suite.name:<16} {outcome.seconds:5.0f} s of {outcome.suite.budget} s  {count}{late}")


def _show_failure(outcome: Outcome) -> None:
    out.rule(f"[red]{outcome.suite.name}", align="left")
    out.print(escape(outcome.output.strip()), soft_wrap=True)


def _show_table(outcomes: Sequence[Outcome], seconds: float) -> None:
    out.rule(align="left")
    for outcome in sorted(outcomes, key=lambda outcome: SUITES.index(outcome.suite)):
        _show_line(outcome)
    out.print(f"  {'all':<16} {seconds:5.0f} s")
