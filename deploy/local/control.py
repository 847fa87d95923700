"""How a command talks to the supervisor of its market: a unix socket, one JSON object a line."""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import pickle
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from deploy.local import files, homes, spec
from deploy.local.refusals import Refusal

_LONGEST = 100  # bytes of a socket's path, which Linux limits to 107
_LARGEST = 2**22  # bytes of an order; a process with its environment may take a few hundred thousand
_Obey = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


def address(home: homes.Home, name: str = "control") -> Path:
    """The socket of this home that is called `name`, in a directory of this user alone."""
    path = home.path / f"{name}.sock"
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    place = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"admit-one-{os.getuid()}-{place}" / f"{name}.sock"


@contextlib.asynccontextmanager
async def serve(home: homes.Home, obey: _Obey) -> AsyncIterator[None]:
    """Answer orders inside the block."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            reply = await obey(json.loads(await reader.readline()))
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()

    path = address(home)
    if path.parent != home.path:
        files.directory(path.parent)
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, path, limit=_LARGEST)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def order(home: homes.Home, do: str, *, name: str = "", seconds: float = 150.0) -> None:
    """Have the supervisor `stop`, `start` or `restart` the process `name`, or end the market (`down`).

    Raises Refusal when there is no supervisor or it could not.
    """
    _send(home, {"do": do, "name": name}, seconds=seconds)


def keep(home: homes.Home, process: spec.Process, *, seconds: float = 150.0) -> None:
    """Have the supervisor keep a process it was not started with; of one that it keeps, the next start is as told here.

    Returns when it is ready. Raises Refusal when it does not get so. The process travels as a pickle, for it carries
    functions: whoever can write to this socket is this user, who may have the supervisor run anything anyway.
    """
    told = base64.b64encode(pickle.dumps(process)).decode()
    _send(home, {"do": "keep", "name": process.name, "process": told}, seconds=seconds)


def read_process(order: Mapping[str, Any]) -> spec.Process:
    """The process that `keep` has sent."""
    process: spec.Process = pickle.loads(base64.b64decode(order["process"]))  # noqa: S301 - see `keep`
    return process


def _send(home: homes.Home, order: Mapping[str, str], *, seconds: float) -> None:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(seconds)
            client.connect(str(address(home)))
            client.sendall(json.dumps(order).encode() + b"\n")
            reply = json.loads(client.makefile().readline() or "{}")
    except OSError as error:
        raise Refusal("No market is running here.", why=str(error), do="start one: ./manage_all.py up") from error
    if problem := reply.get("error"):
        raise Refusal(f"The supervisor could not {order['do']} {order['name']}.", why=problem)
