"""A TCP proxy whose links can be cut, left half open or slowed: the network between a service and what it needs."""

import asyncio
import contextlib
import enum
import socket
import threading
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

_CHUNK = 65536
_DELAY = 0.15  # seconds that a slow link holds each chunk


class Mode(enum.Enum):
    """What a link does with what it is given."""

    THROUGH = "through"
    CUT = "cut"
    """Every connection is reset, new ones too."""
    HALF_OPEN = "half-open"
    """Connections stand, new ones are taken, and nothing comes through."""
    SLOW = "slow"


class Link:
    """One address that leads to another."""

    def __init__(self, *, name: str, port: int) -> None:
        """`port`: where it leads, on the loopback interface."""
        self.name, self._leads_to = name, port
        self.mode = Mode.THROUGH
        self.carried = 0
        """Bytes in both directions."""
        self._open: set[asyncio.StreamWriter] = set()
        self._passable = asyncio.Event()
        self._passable.set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> int:
        """Begin to serve; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def turn(self, mode: Mode) -> int:
        """Change what it does. How many connections that concerns."""
        self.mode = mode
        number = len(self._open) // 2
        if mode is Mode.HALF_OPEN:
            self._passable.clear()
        else:
            self._passable.set()
        if mode is Mode.CUT:
            self._reset()
        return number

    async def close(self) -> None:
        self._reset()
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._counted(writer))
            if self.mode is Mode.CUT:
                _abort(writer)
                return
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._leads_to)
            except OSError:
                _abort(writer)
                return
            stack.enter_context(self._counted(far_writer))
            pumps = [
                asyncio.create_task(self._pump(reader, far_writer)),
                asyncio.create_task(self._pump(far_reader, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._passable.wait()
                if self.mode is Mode.SLOW:
                    await asyncio.sleep(_DELAY)
                self.carried += len(data)
                writer.write(data)
                await writer.drain()

    @contextlib.contextmanager
    def _counted(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._open.add(writer)
        try:
            yield
        finally:
            self._open.discard(writer)
            writer.close()

    def _reset(self) -> None:
        for writer in self._open:
            _abort(writer)


class Proxy:
    """Links by name, served by a thread of their own."""

    def __init__(self, routes: Mapping[str, int]) -> None:
        """`routes`: the name of each link and the port it leads to."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._links = {name: Link(name=name, port=port) for name, port in routes.items()}
        self.ports = {name: self._wait(link.listen()) for name, link in self._links.items()}
        """Where each link listens."""

    def turn(self, name: str, mode: Mode) -> int:
        """Change what a link does. How many connections that concerns."""
        number: int = self._wait(self._links[name].turn(mode))
        return number

    def carried(self, name: str) -> int:
        """How many bytes a link has carried."""
        return self._links[name].carried

    def close(self) -> None:
        """End everything."""
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _end(self) -> None:
        for link in self._links.values():
            await link.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # transports close their sockets in the next turn of the loop

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Reset instead of end: what was under way is lost, as behind a pulled plug that comes back."""
    handle = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()
