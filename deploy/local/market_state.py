"""What a command may know of the market of this home: is it up, where is everything."""

import dataclasses
import fcntl
import time
from typing import Any

from deploy.local import child, homes, ports, services, supervisor
from deploy.local.refusals import Refusal


def is_running(home: homes.Home) -> bool:
    """Whether a supervisor lives: it holds the lock as long as it does, however it ends."""
    if not home.lock.exists():
        return False
    with home.lock.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def status(home: homes.Home) -> dict[str, Any]:
    """The rows and facts that `status` shows; a market that was killed is stopped, whatever its state file says."""
    running = is_running(home)
    state = supervisor.read(home.state)
    rows = [_row(row, running=running) for row in state.get("processes", [])]
    phase = state.get("phase", "stopped")
    if not running and phase != "failed":
        phase = "stopped"
    return {
        "phase": phase,
        "url": state.get("url"),
        "broker": state.get("broker"),
        "supervisor": state.get("supervisor") if running else None,
        "rss": sum(row["rss"] for row in rows),
        "processes": rows,
    }


def require(home: homes.Home) -> services.Market:
    """The market that is up. Raises Refusal when none is."""
    if not is_running(home):
        raise Refusal("No market is running here.", do="start one: ./manage_all.py up")
    return _market(home)


def known(home: homes.Home) -> services.Market:
    """The market with every service in it: enough for commands that ask none, for some addresses may lead nowhere."""
    market = _market(home)
    return dataclasses.replace(market, ports={**dict.fromkeys(_names(), ports.NOWHERE), **market.ports})


def wait_until_gone(home: homes.Home, *, seconds: float) -> bool:
    """Whether the supervisor was gone within `seconds`."""
    deadline = time.monotonic() + seconds
    while is_running(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _market(home: homes.Home) -> services.Market:
    state = supervisor.read(home.state)
    told = state.get("market", {})
    return services.Market(
        home=home,
        ports=told.get("ports", {}),
        port=state.get("options", {}).get("port", ports.NOWHERE),
        broker=state.get("broker") or "embedded",
        order_window=told.get("order_window"),
        limits=told.get("limits", False),
        identity=told.get("identity", "local"),
        https=told.get("https", False),
    )


def _names() -> list[str]:
    kinds = ("postgres", *services.KINDS)
    return ["broker", *(f"{service}.{kind}" for service in services.NAMES for kind in kinds)]


def _row(row: dict[str, Any], *, running: bool) -> dict[str, Any]:
    pid = row["pid"] if running else None
    return {
        "name": row["name"],
        "pid": pid,
        "state": row["state"] if running else "stopped",
        "restarts": row["restarts"],
        "url": row["url"] or None,
        "port": row["port"],
        "rss": child.memory(pid, home=row["home"]) if pid and child.is_same(pid, row["started"]) else 0,
    }
