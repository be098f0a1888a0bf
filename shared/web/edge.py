"""The outermost layer of a service: request id, trace, bounded bodies, metrics, and the last net."""

import asyncio
import time

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics
from shared.ids import new_id
from shared.logging import get_logger
from shared.web.problems import BODY_SECONDS, MOST_BODY_BYTES, problem, too_large, too_slow

log = get_logger(__name__)


class Edge:
    """Pure ASGI (a task per request would be cancelled when a client goes away): request id, trace, size limit, metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name: value for name, value in scope["headers"] if name in (b"traceparent", b"content-length")
        }
        scope["tieline.request_id"] = str(new_id())
        scope["tieline.traceparent"] = _traceparent(headers.get(b"traceparent"))
        started, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", scope["tieline.request_id"].encode()),
                ]
            await send(message)

        try:
            if _declared(headers) > MOST_BODY_BYTES:
                await too_large(scope)(scope, receive, answer)
            else:
                await self._guarded(scope, _limited(scope, receive), answer)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            metrics.http_seconds.labels(scope["method"], route, str(status)).observe(
                time.perf_counter() - started
            )

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except _BodyTooLarge:
            await too_large(scope)(scope, receive, send)
        except _BodyTooSlow:
            await too_slow(scope)(scope, receive, send)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the last net: logged, and told without insides
            log.error(
                "request failed", path=scope["path"], request_id=scope["tieline.request_id"], exc_info=error
            )
            if begun:
                raise
            answer = problem(
                Request(scope), 500, "internal", "Something went wrong on our side; it has been logged"
            )
            await answer(scope, receive, send)


class _BodyTooLarge(Exception):
    """More bytes came than were declared or are accepted."""


class _BodyTooSlow(Exception):
    """The body did not come in the time that a request has for it."""


def _declared(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _limited(scope: Scope, receive: Receive) -> Receive:
    """The body, bounded in bytes and in time; what is received after it (that the client has gone) may take for ever."""
    got = 0
    is_whole = False
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS

    async def bounded() -> Message:
        nonlocal got, is_whole
        try:
            async with asyncio.timeout_at(None if is_whole else deadline):
                message = await receive()
        except TimeoutError:
            scope["tieline.too_slow"] = True
            raise _BodyTooSlow from None
        is_whole = not message.get("more_body", False)
        got += len(message.get("body", b""))
        if got > MOST_BODY_BYTES:
            # FastAPI turns whatever is raised while it reads into its own 400; the mark tells the handler the truth
            scope["tieline.too_large"] = True
            raise _BodyTooLarge
        return message

    return bounded


def _traceparent(header: bytes | None) -> str:
    """The caller's trace if it sent a well-formed one (W3C), else a new one."""
    if header and len(header) == 55 and header[:3] == b"00-" and header[3:].replace(b"-", b"").isalnum():
        return header.decode("ascii")
    return f"00-{new_id().hex}-{new_id().hex[16:]}-01"
