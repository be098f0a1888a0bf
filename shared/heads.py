"""The head of a request in bounded time and size.

uvicorn waits for a head as long as it takes and keeps as many headers as come. A gateway has limits of its own; a process
that can be reached without one must hold all the same: each trickling connection would be a descriptor for ever.
"""

import asyncio

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.logging import get_logger
from shared.web import PROBLEMS

log = get_logger(__name__)

HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a further request on it, to the empty line."""
MOST_HEAD_BYTES = 64 * 1024

_REASONS = {408: "Request Timeout", 431: "Request Header Fields Too Large"}


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's connection; one whose head takes too long (408) or grows too large (431) is answered and closed."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _has_begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """A caller is there and has said nothing yet."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        self._has_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes; they count while they are of a head."""
        super().data_received(data)
        if self._deadline is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(431)

    def on_message_begin(self) -> None:
        """The first byte of a request; the time since the connection was made counts."""
        super().on_message_begin()
        self._has_begun = True
        if self._deadline is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """The empty line has come."""
        self._has_head()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, 408)

    def _has_head(self) -> None:
        self._has_begun = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int) -> None:
        is_answering = not getattr(self.cycle, "response_complete", True)
        # an answer to an earlier request on this connection is not written into; one who never spoke is told nothing
        if self._has_begun and not is_answering and not self.transport.is_closing():
            log.warning("a head was cut off", status=status, bytes=self._head_bytes)
            self.transport.write(_problem(status))
        self._has_head()
        self.transport.close()


def _problem(status: int) -> bytes:
    reason = _REASONS[status]
    code = {408: "head-too-slow", 431: "head-too-large"}[status]
    body = orjson.dumps(
        {
            "type": f"{PROBLEMS}{code}", "title": reason, "status": status, "code": code,
            "detail": f"The head of a request must come within {HEAD_SECONDS:g} s and {MOST_HEAD_BYTES} bytes",
        }
    )  # fmt: skip
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
