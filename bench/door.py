"""A REST client that costs next to nothing: the measuring process shares the cores with what it measures.

One request at a time on each kept connection, written and read by hand: httpx takes about 300 us of CPU a request, this
about 30. It understands what our services send (a status line and a content-length) and nothing else.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

PATIENCE = 60.0
MOST_TRIES = 40


class Unexpected(Exception):
    """An answer that the measurement did not expect."""


@dataclass(frozen=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return orjson.loads(self.body)


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._buffer = b""
        self._length = -1
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's, but do the same
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed by the service"))

    def send(self, request: bytes) -> "asyncio.Future[Answer]":
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._buffer, self._length = b"", -1
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._length < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            named = self._buffer.find(b"content-length: ", 0, end) + 16
            self._length = end + 4 + int(self._buffer[named : self._buffer.find(b"\r", named)])
            self._body_from = end + 4
        if len(self._buffer) >= self._length and self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(int(self._buffer[9:12]), self._buffer[self._body_from :]))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Door:
    """One service's REST door."""

    def __init__(self, url: str, token: str) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "127.0.0.1", place.port or 80
        self._common = (
            f" HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\n"
        ).encode()
        self._idle: list[_Connection] = []
        self.requests = 0
        self.busy = 0
        """Answers 503 and 409 `request-in-progress`, which the client sent again with the same key."""

    async def get(self, path: str) -> Any:
        """GET, read."""
        return (await self._once(b"GET " + path.encode() + self._common + b"\r\n", {200})).json

    async def text(self, path: str) -> str:
        """GET, as it came."""
        return (await self._once(b"GET " + path.encode() + self._common + b"\r\n", {200})).body.decode()

    async def post(self, path: str, body: Any, version: int | None = None) -> Any:
        """POST under a fresh Idempotency-Key; sent again with the same key while the service says that it is busy."""
        content = orjson.dumps(body)
        match = f'if-match: "{version}"\r\n' if version is not None else ""
        head = f"idempotency-key: {uuid4().hex}\r\n{match}content-length: {len(content)}\r\n\r\n".encode()
        return (await self._once(b"POST " + path.encode() + self._common + head + content, {200, 201})).json

    async def _once(self, request: bytes, good: set[int]) -> Answer:
        answer = Answer(0, b"")
        for attempt in range(MOST_TRIES):
            self.requests += 1
            try:
                answer = await self._send(request)
            except ConnectionError:
                continue  # the service closes what was idle for 5 s, perhaps at this moment
            if answer.status in good:
                return answer
            if answer.status != 503:
                break
            self.busy += 1
            await asyncio.sleep(min(1.0, 0.05 * (attempt + 1)))
        raise Unexpected(
            f"{request.split(b' HTTP', 1)[0].decode()}: {answer.status} {answer.body[:600].decode()}"
        )

    async def _send(self, request: bytes) -> Answer:
        held = self._idle.pop() if self._idle else None
        if held is None or not held.is_open:
            loop = asyncio.get_running_loop()
            _, held = await loop.create_connection(_Connection, self._host, self._port)
        async with asyncio.timeout(PATIENCE):
            answer = await held.send(request)
        self._idle.append(held)
        return answer

    def close(self) -> None:
        """Close what is kept."""
        for held in self._idle:
            held.close()
