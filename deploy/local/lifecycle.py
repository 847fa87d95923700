"""up, down, status, logs, reset."""

import contextlib
import ctypes
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.local import alarms, audit, control, daemon, flow, homes, keeper, logfiles, market_state, supervisor
from deploy.local.refusals import Refusal

out = Console(highlight=False)
_END_WITHIN = 90.0


def up(home: homes.Home, *, options: dict[str, Any], detach: bool) -> int:
    """Start the market and stay until Ctrl-C, or return when it is ready (`detach`)."""
    if market_state.is_running(home):
        state = market_state.status(home)
        raise Refusal(
            f"A market is running here already: {state['url'] or ''} (supervisor {state['supervisor']}).",
            why=f"{home.path} serves one market at a time.",
            do="look at it: ./manage_all.py status — or end it: ./manage_all.py down",
        )
    home.prepare()
    began = time.monotonic()
    run = secrets.token_hex(8)
    started = _start_supervisor(home, run, options, detach=detach)
    try:
        state = _watch(home, started, run, began)
        _tell(home, state, seconds=time.monotonic() - began)
        if detach:
            return 0
        with contextlib.suppress(KeyboardInterrupt):
            return _stay(home, started)
        out.print("\nending every process …")
    except KeyboardInterrupt:
        out.print("\ngiving up; ending every process …")
    _end(started)
    return 0


def _start_supervisor(home: homes.Home, run: str, options: dict[str, Any], *, detach: bool) -> subprocess.Popen[bytes]:
    end_like_ctrl_c()

    def end_with_the_terminal() -> None:
        if not detach and sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))

    log = logfiles.path(home.logs, "supervisor")
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local.daemon", run, json.dumps(options)],
            cwd=homes.ROOT,
            env={**os.environ, "ADMIT_ONE_HOME": str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_the_terminal,
        )


def end_like_ctrl_c() -> None:
    """Have SIGTERM and a closed terminal do what Ctrl-C does: put everything in order first."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _watch(home: homes.Home, started: subprocess.Popen[bytes], run: str, began: float) -> dict[str, Any]:
    """Show each step as it is done; the state when all are. Raises Refusal when the start failed."""
    shown: set[str] = set()
    with out.status("starting …") as spinner:
        while True:
            ended = started.poll() is not None
            state = supervisor.read(home.state)
            if state.get("run") == run:
                for name in state.get("done", []):
                    if name not in shown:
                        shown.add(name)
                        out.print(f"  [green]✓[/] {name:<20} [dim]{time.monotonic() - began:5.1f} s[/]")
                spinner.update("starting " + ", ".join(state.get("doing", [])) + " …")
                if state["phase"] == "ready":
                    return state
                if state["message"]:
                    _end(started)
                    raise Refusal(state["message"], do=f"the whole story is in {home.logs}")
            if ended:
                raise Refusal(
                    "The supervisor ended while starting.",
                    why=keeper.tail(logfiles.path(home.logs, "supervisor"), 15).strip() or "it left no word",
                )
            time.sleep(0.05)


def _tell(home: homes.Home, state: dict[str, Any], *, seconds: float) -> None:
    url = state["url"]
    out.print(f"\n[bold green]The market is open[/] after {seconds:.1f} s · broker: {state['broker']}\n")
    for what, path in (("market", "/"), ("API docs", "/api/docs/"), ("admin", "/admin/")):
        out.print(f"  {what:<10} {url}{path}")
    out.print(f"  {'logs':<10} {home.logs}")
    if authority := market_state.require(home).authority:
        out.print(f"  {'authority':<10} {authority}  (a browser that trusts it does not warn)")
    out.print("\n  goods to look at   ./manage_all.py demo")
    out.print("  an administrator   ./manage_all.py staff you@example.com")


def _stay(home: homes.Home, started: subprocess.Popen[bytes]) -> int:
    out.print("  Ctrl-C ends it.\n")
    while started.poll() is None:
        time.sleep(0.2)
    state = supervisor.read(home.state)
    if state.get("phase") == "stopped":
        out.print("The market was ended by `down`.")
        return 0
    raise Refusal(
        f"The supervisor died (exit code {started.returncode}).",
        why=state.get("message") or "it was killed, and its processes with it.",
        do="start again: ./manage_all.py up",
    )


def _end(started: subprocess.Popen[bytes]) -> None:
    if started.poll() is None:
        started.send_signal(signal.SIGTERM)
    while started.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):
            started.wait()


def down(home: homes.Home) -> int:
    """End every process that the market's supervisor started."""
    if not market_state.is_running(home):
        daemon.end_what_is_left(home)
        out.print("No market is running here.")
        return 0
    pid = supervisor.read(home.state).get("supervisor")
    with out.status("ending every process …"):
        with contextlib.suppress(Refusal):
            control.order(home, "down")
        if not market_state.wait_until_gone(home, seconds=_END_WITHIN) and pid:
            os.kill(pid, signal.SIGKILL)
            market_state.wait_until_gone(home, seconds=5)
            daemon.end_what_is_left(home)
    out.print("The market is closed.")
    return 0


def status(home: homes.Home, *, as_json: bool) -> int:
    """One row a process, and one a service for its events. Exit code 1 when no market is up."""
    state = market_state.status(home)
    state["alarms"] = alarms.raised(state["processes"])
    state["flow"] = flow.look(audit.dsns(market_state.known(home))) if state["supervisor"] else []
    if as_json:
        print(json.dumps(state, indent=2))
    else:
        _show(state)
    return 0 if state["supervisor"] else 1


def _show(state: dict[str, Any]) -> None:
    if not state["supervisor"]:
        out.print("No market is running here. Start one: ./manage_all.py up")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "pid", "state", "restarts", "address", "memory"):
        table.add_column(heading, justify="right" if heading in ("pid", "restarts", "memory") else "left")
    for row in state["processes"]:
        colour = "green" if row["state"] == "ready" else "yellow"
        cells = (row["name"], str(row["pid"] or "–"), f"[{colour}]{row['state']}[/]", str(row["restarts"]))
        table.add_row(*cells, row["url"] or f"127.0.0.1:{row['port']}", f"{row['rss'] / 1e6:.0f} MB")
    out.print(table)
    out.print()
    out.print(flow.table(state["flow"]))
    memory = f"{state['rss'] / 1e9:.2f} GB"
    out.print(f"\n{state['url']} is {state['phase']} · broker: {state['broker']} · memory: {memory}")
    for alarm in state["alarms"]:
        out.print(f"[bold red]{alarm}[/]", soft_wrap=True)


def logs(home: homes.Home, *, names: Sequence[str], follow: bool, lines: int) -> int:
    """The end of the logs of `names` (all when none is given), each line with its process's name."""
    present = sorted(path.name.removesuffix(".log") for path in home.logs.glob("*.log"))
    chosen = [name for name in present if not names or _matches(name, names)]
    if not chosen:
        raise Refusal(f"There is no log of {', '.join(names) or 'anything'}.", do=f"there are: {', '.join(present)}")
    width = max(len(name) for name in chosen)
    places = {name: _show_tail(home, name, width, lines) for name in chosen}
    with contextlib.suppress(KeyboardInterrupt):
        while follow:
            for name in chosen:
                places[name] = _show_new(home, name, width, places[name])
            time.sleep(0.2)
    return 0


def _matches(name: str, wanted: Sequence[str]) -> bool:
    """`orders` means all of its processes, `orders.web` only that one."""
    return any(name == word or name.startswith(f"{word}.") for word in wanted)


def _show_tail(home: homes.Home, name: str, width: int, lines: int) -> int:
    path = logfiles.path(home.logs, name)
    size = path.stat().st_size
    for line in keeper.tail(path, lines).splitlines():
        _show_line(name, width, line[4:])
    return size


def _show_new(home: homes.Home, name: str, width: int, place: int) -> int:
    path = logfiles.path(home.logs, name)
    size = path.stat().st_size
    if size <= place:
        return size  # also after a rotation
    with path.open("rb") as file:
        file.seek(place)
        whole, _, _ = file.read().rpartition(b"\n")
    for line in whole.decode(errors="replace").splitlines():
        _show_line(name, width, line)
    return place + len(whole) + 1 if whole else place


def _show_line(name: str, width: int, line: str) -> None:
    prefix = f"\x1b[36m{name:<{width}}\x1b[0m │ " if out.is_terminal else f"{name:<{width}} | "
    print(prefix + line, flush=True)


def reset(home: homes.Home, *, sure: bool) -> int:
    """Ask, then remove everything the market keeps: databases, messages, secrets, logs."""
    if market_state.is_running(home):
        raise Refusal("The market is running.", why="reset would pull its data away.", do="./manage_all.py down")
    if not home.path.exists():
        out.print(f"{home.path} does not exist: nothing to reset.")
        return 0
    size = _size(home.shelter)
    if not sure:
        if not sys.stdin.isatty():
            raise Refusal("reset asks before it deletes, and nobody can answer here.", do="add --yes")
        answer = input(f"Delete {home.path} ({size / 1e6:.0f} MB: all databases, messages, secrets, logs)? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            out.print("Nothing was deleted.")
            return 1
    daemon.end_what_is_left(home)
    home.empty()
    out.print(f"{home.path} is gone; the next `up` begins anew.")
    return 0


def _size(path: Path) -> int:
    total = 0
    for file in path.rglob("*"):
        with contextlib.suppress(OSError):
            total += file.lstat().st_size
    return total
