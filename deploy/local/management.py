"""Management commands: one service's or every service's, with the environment that its processes have."""

import getpass
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local import control, homes, lifecycle, market_state, services, stamps
from deploy.local.refusals import Refusal

# These ask no database, so they also run while no market does.
_OFFLINE = {"check", "makemigrations", "spectacular", "asyncapi", "diffsettings", "help", "version", "findstatic"}

_TOUCHES_TABLES = {"migrate", "flush"}


def everywhere(home: homes.Home, *, arguments: Sequence[str]) -> int:
    """Run a management command in every service, one after the other. The worst exit code."""
    offline = arguments[0] in _OFFLINE
    market = market_state.known(home) if offline else market_state.require(home)
    if arguments[0] in _TOUCHES_TABLES:
        stamps.forget(home)
    worst = 0
    for service in services.NAMES if offline else market.services:
        lifecycle.out.rule(service, align="left", style="dim")
        worst = max(worst, _manage(market, service, arguments))
    return worst


def shell(home: homes.Home, *, service: str) -> int:
    """Django's shell of one service."""
    market = market_state.require(home)
    return _manage(market, _checked(market, service), ["shell"])


def staff(home: homes.Home, *, email: str) -> int:
    """Make an administrator. The password comes from STAFF_PASSWORD or the prompt."""
    market = market_state.require(home)
    password = os.environ.get("STAFF_PASSWORD")
    if not password:
        if not sys.stdin.isatty():
            raise Refusal("There is nobody here to ask for a password.", do="set STAFF_PASSWORD")
        password = getpass.getpass(f"Password for {email}: ")
    return _manage(market, "auth", ["make_staff", email], {"STAFF_PASSWORD": password})


def run(home: homes.Home, *, service: str, kind: str, reload: bool) -> int:
    """One process in the foreground instead of the supervised one; `reload` starts it again when its code changes."""
    market = market_state.require(home)
    name = f"{_checked(market, service)}.{kind}"
    if kind not in services.processes(service):
        raise Refusal(f"{service} has no {kind}.", do=f"it has: {', '.join(services.processes(service))}")
    lifecycle.end_like_ctrl_c()
    control.order(home, "stop", name=name)
    lifecycle.out.print(f"{name} runs here now; Ctrl-C gives it back to the supervisor.\n")
    try:
        return _foreground(market, service, kind, reload=reload)
    except KeyboardInterrupt:
        return 0
    finally:
        control.order(home, "start", name=name)


def _foreground(market: services.Market, service: str, kind: str, *, reload: bool) -> int:
    line = services.line(service, kind, market.ports[f"{service}.{kind}"])
    environment = services.environment(market, service)
    while True:
        seen = _newest(service)
        with subprocess.Popen(line, env=environment, cwd=homes.ROOT) as process:
            try:
                while process.poll() is None and not (reload and _newest(service) > seen):
                    time.sleep(0.5)
            finally:
                process.terminate()
        if not reload:
            return process.returncode
        if process.returncode and _newest(service) <= seen:
            lifecycle.out.print("[yellow]It ended; waiting for a change …[/]")
            while _newest(service) <= seen:
                time.sleep(0.5)
        lifecycle.out.print("[dim]starting again …[/]")


def _newest(service: str) -> float:
    """When the code of the service, or what it carries of `shared`, last changed."""
    folders = (homes.ROOT / f"{service}_service", homes.ROOT / "shared")
    return max(path.stat().st_mtime for folder in folders for path in _sources(folder))


def _sources(folder: Path) -> list[Path]:
    return [path for pattern in ("*.py", "*.html") for path in folder.rglob(pattern)]


def _checked(market: services.Market, service: str) -> str:
    if service not in market.services:
        raise Refusal(
            f"{service} takes no part in the market.",
            why=f"there are: {', '.join(market.services)}.",
            do=f"./manage_all.py join {service}",
        )
    return service


def _manage(
    market: services.Market, service: str, arguments: Sequence[str], extra: Mapping[str, str] | None = None
) -> int:
    environment = {**services.environment(market, service), "LOG_LEVEL": "WARNING", **(extra or {})}
    line = services.manage(service, *arguments)
    return subprocess.run(line, env=environment, cwd=homes.ROOT, check=False).returncode
