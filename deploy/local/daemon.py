"""The supervisor's own process: `python -m deploy.local.daemon RUN '{"port": 8000, …}'`, started by `up`."""

import asyncio
import fcntl
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from deploy.local import child, graph, homes, supervisor
from deploy.local.refusals import Refusal

_TOLD = ("order_window", "limits", "identity", "https")


def main() -> int:
    """Run a market with the options given as JSON; 0 when it was ended on purpose."""
    run, options = sys.argv[1], json.loads(sys.argv[2])
    home = homes.current()
    lock = home.lock.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.write(str(os.getpid()))
        lock.flush()
        return _run(home, run, options)
    except BlockingIOError:
        supervisor.failed(home, run=run, message="Another `up` is just starting here.")
    except Refusal as refusal:
        supervisor.failed(home, run=run, message=str(refusal))
    except Exception:
        supervisor.failed(home, run=run, message=traceback.format_exc())
    return 1


def _run(home: homes.Home, run: str, options: dict[str, Any]) -> int:
    end_what_is_left(home)
    market = graph.market(home, **options)
    about = {
        "run": run,
        "url": market.url,
        "broker": market.broker,
        "options": options,
        "market": {name: getattr(market, name) for name in _TOLD} | {"ports": dict(market.ports)},
    }
    return asyncio.run(supervisor.Supervisor(home, about=about).run(graph.steps(market)))


def end_what_is_left(home: homes.Home, *, seconds: float = 5.0) -> None:
    """End what the last supervisor of this home left behind when it was killed; they were told already."""
    rows = [row for row in supervisor.read(home.state).get("processes", []) if row["pid"]]
    deadline = time.monotonic() + seconds
    while any(child.is_same(row["pid"], row["started"]) for row in rows) and time.monotonic() < deadline:
        time.sleep(0.1)
    for row in rows:
        # A pid that is now somebody else's is not the leader of our session; one that is gone or dead still may be.
        if child.started_at(row["pid"]) in (0.0, row["started"]):
            child.end_leftovers(row["pid"], home=Path(row["home"]) if row["home"] else None)


if __name__ == "__main__":
    sys.exit(main())
