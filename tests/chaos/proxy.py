"""A TCP proxy that stands between a service and its servers and can be made to misbehave, on loopback only.

`delay`, `black_hole` (nothing passes, nothing closes), `reset` (RST), `half_close` (one direction ends), `throttle`.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

PIECE = 4096


@dataclass
class Weather:
    """How bytes pass now; it may change while connections are open."""

    delay: float = 0
    """Seconds that each piece is held back."""
    bytes_per_second: float | None = None
    is_black_hole: bool = False
    refuses: bool = False
    """New connections are closed at once."""


class Proxy:
    """Forwards 127.0.0.1:`port` to the server of a URL."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.weather = Weather()
        self.port = 0
        self.passed = 0
        self.opened = 0
        self._reset_after: int | None = None

    def through(self, url: str) -> str:
        """The URL by way of this proxy."""
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.port}"))

    def reset_all(self) -> None:
        """Every open connection ends with a RST, in the middle of whatever it said."""
        for writer in list(self._writers):
            _reset(writer)

    def reset_after(self, count: int) -> None:
        """The connection that carries the so-many-th byte from now on ends with a RST: in the middle of a frame."""
        self._reset_after = count

    def half_close(self) -> None:
        """End the sending half of every connection: the peer reads an end and may still write."""
        for writer in list(self._writers):
            with suppress(OSError, RuntimeError):
                writer.write_eof()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        if self.weather.refuses:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            _reset(writer)
            return
        self._writers |= {writer, far_writer}
        both = [
            asyncio.create_task(self._carry(reader, far_writer)),
            asyncio.create_task(self._carry(far_reader, writer)),
        ]
        self._tasks |= set(both)
        await asyncio.wait(both)
        self._tasks -= set(both)
        for one in (writer, far_writer):
            self._writers.discard(one)
            one.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, RuntimeError, asyncio.IncompleteReadError):
            while piece := await reader.read(PIECE):
                await self._hold_back(len(piece))
                if self._is_due(len(piece)):
                    writer.write(piece[: len(piece) // 2])
                    self.reset_all()
                    return
                writer.write(piece)
                self.passed += len(piece)
                await writer.drain()
            writer.write_eof()

    async def _hold_back(self, size: int) -> None:
        while self.weather.is_black_hole:  # noqa: ASYNC110  # weather is a state, not an event
            await asyncio.sleep(0.05)
        if self.weather.delay:
            await asyncio.sleep(self.weather.delay)
        if self.weather.bytes_per_second:
            await asyncio.sleep(size / self.weather.bytes_per_second)

    def _is_due(self, size: int) -> bool:
        if self._reset_after is None:
            return False
        self._reset_after -= size
        if self._reset_after > 0:
            return False
        self._reset_after = None
        return True

    async def stop(self) -> None:
        """Cut what is open."""
        self.reset_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    if own is not None:
        with suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Proxy]:
    """A proxy before the server of this URL, for the block."""
    made = Proxy(target)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()
