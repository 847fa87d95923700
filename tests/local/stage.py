"""Tiny programs in the place of the market's processes, and a supervisor that runs them."""

import asyncio
import contextlib
import functools
import os
import sys
import time
import urllib.request

import psutil

from deploy.local import homes, ports, spec, supervisor

# Serves its port like a web process would, with a worker that holds the port too (as gunicorn's do), writes its
# name to the file "ended" when it is ended gently.
SERVER = """
import http.server, os, signal, sys, time
name, port, ended, workers = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *args): pass
def end(*args):
    with open(ended, "a") as file: file.write(name + "\\n")
    os._exit(0)
server = http.server.HTTPServer(("127.0.0.1", port), Handler)
if workers and os.fork() == 0:
    time.sleep(600)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("serving", name, flush=True)
server.serve_forever()
"""


def server(home, name, *, after=(), workers=0):
    """A process that is ready when it answers."""
    port = ports.free()
    url = f"http://127.0.0.1:{port}"
    return spec.Process(
        name=name,
        after=after,
        line=[sys.executable, "-c", SERVER, name, str(port), str(home.path / "ended"), str(workers)],
        environment=dict(os.environ),
        cwd=home.path,
        port=port,
        url=url,
        ready=functools.partial(answers, url),
    )


def dying(home, name, *, saying):
    """A process that never gets ready."""
    return spec.Process(
        name=name,
        line=[sys.executable, "-c", f"raise SystemExit({saying!r})"],
        environment=dict(os.environ),
        cwd=home.path,
        port=ports.free(),
        ready=lambda: False,
    )


def job(name, done, *, after=()):
    """A step that notes in the list `done` that it was done."""
    return spec.Job(name=name, after=after, action=lambda: done.append(name))


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - an address of our own
            return response.status == 200
    except OSError:
        return False


def rows(home: homes.Home):
    return {row["name"]: row for row in supervisor.read(home.state)["processes"]}


def phase(home: homes.Home):
    return supervisor.read(home.state).get("phase")


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until(predicate, *, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not (answer := predicate()):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)
    return answer


@contextlib.asynccontextmanager
async def running(home, steps):
    """A supervisor of these steps, ready; ended at the end of the block."""
    boss = supervisor.Supervisor(home, about={})
    task = asyncio.create_task(boss.run(steps))
    try:
        await until(lambda: task.done() or phase(home) == "ready")
        yield task
    finally:
        boss.end()
        await task
