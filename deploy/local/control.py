"""How a command talks to the supervisor of its market: a unix socket, one JSON object a line."""

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from deploy.local import files, homes
from deploy.local.refusals import Refusal

_LONGEST = 100  # bytes of a socket's path, which Linux limits to 107
_Obey = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


def address(home: homes.Home) -> Path:
    """The socket of this home, in a directory of this user alone."""
    path = home.path / "control.sock"
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    name = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"admit-one-{os.getuid()}-{name}" / "control.sock"


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
    server = await asyncio.start_unix_server(answer, path)
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
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(seconds)
            client.connect(str(address(home)))
            client.sendall(json.dumps({"do": do, "name": name}).encode() + b"\n")
            reply = json.loads(client.makefile().readline() or "{}")
    except OSError as error:
        raise Refusal("No market is running here.", why=str(error), do="start one: ./manage_all.py up") from error
    if problem := reply.get("error"):
        raise Refusal(f"The supervisor could not {do} {name}.", why=problem)
