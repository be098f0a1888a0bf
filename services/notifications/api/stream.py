"""The live stream (NOTE-3): server-sent events, with replay after a lost connection.

Every event is a notice as it stands after its latest change; its id is the notice's position. A client that comes back
with `Last-Event-ID` gets what has changed meanwhile, each notice once. Positions are taken in the order of commits
(`store.lock_stream`), so nothing is missed. Without a position the stream begins now.

The stream ends after ten minutes, when the process stops, or when the client goes; browsers come back by themselves, and
bring a fresh token. A connection to the database is held for the moment of each look only.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from sqlalchemy import Select
from starlette.responses import StreamingResponse

from services.notifications import schemas, views
from services.notifications.domain.notice import Kind
from shared.errors import BadRequest, Unavailable
from shared.web import Call, allows, problems

router = APIRouter(tags=["notices"])

HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 1.0
"""How soon commits of another process are seen; those of this one are seen at once."""
LIFETIME_SECONDS = 600.0
MOST_STREAMS = 500

Position = Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)]
After = Annotated[
    int | None, Query(ge=0, le=2**62, description="As Last-Event-ID, for clients that cannot send it")
]


class StreamPositionUnusable(BadRequest):
    """Last-Event-ID is not a position of this stream."""


class TooManyStreams(Unavailable):
    """This process serves as many streams as it can."""


class Listeners:
    """How many streams this process serves."""

    def __init__(self) -> None:
        self.count = 0

    def admit(self) -> None:
        """Raises TooManyStreams."""
        if self.count >= MOST_STREAMS:
            raise TooManyStreams("Too many live streams are open here; try again later", retry_after=30)


listeners = Listeners()


@router.get(
    "/notices/stream",
    operation_id="streamNotices",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `event: notice`, `id`: its position, `data`: a NoticeRow",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problems(400, 503),
    },
)
async def stream_notices(
    call: Call = allows("notices:read"),
    last_event_id: Position = None,
    after: After = None,
    kind: Kind | None = None,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    mine: bool = False,
) -> StreamingResponse:
    """Notices as they are raised and change."""
    listeners.admit()
    begin = await _start(call, after if last_event_id is None else _position(last_event_id))
    query = views.notice_list(call.scope, call.principal.subject, kind=kind, warehouse=warehouse, mine=mine)
    return StreamingResponse(
        _events(call, query, begin),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(call: Call, query: Select[Any], position: int) -> AsyncIterator[bytes]:
    """The stream's bytes; ends by itself at the end of its life."""
    listeners.count += 1
    try:
        end = time.monotonic() + LIFETIME_SECONDS
        yield b"retry: 2000\n" + _heartbeat(position)
        silent_since = time.monotonic()
        while time.monotonic() < end and not _stopping(call):
            found = await call.look(views.burst, query, position)
            position = max(position, found.horizon)
            if found.rows:
                yield b"".join(_event(row) for row in found.rows)
            elif time.monotonic() - silent_since >= HEARTBEAT_SECONDS:
                yield _heartbeat(position)
            else:
                await call.work.committed.wait(min(LOOK_SECONDS, HEARTBEAT_SECONDS))
                continue
            silent_since = time.monotonic()
    finally:
        listeners.count -= 1


async def _start(call: Call, position: int | None) -> int:
    """Where to begin: now, or at the position; one that lies ahead (of a restored database, say) is brought back."""
    newest = await call.look(views.horizon)
    return newest if position is None else min(position, newest)


def _event(row: Any) -> bytes:
    data = schemas.notice_row(row).model_dump_json().encode()
    return b"id: %d\nevent: notice\ndata: %s\n\n" % (row.position, data)


def _heartbeat(position: int) -> bytes:
    """A comment that keeps proxies from closing; the id without data moves a client's Last-Event-ID on."""
    return b"id: %d\n: still here\n\n" % position


def _position(last_event_id: str) -> int:
    bare = last_event_id.strip()
    if not (bare.isascii() and bare.isdigit() and len(bare) < 19):
        raise StreamPositionUnusable("Last-Event-ID must be the id of an event of this stream, such as 42")
    return int(bare)


def _stopping(call: Call) -> bool:
    """Whether the process has been told to stop: an open stream would hold it up."""
    stopping: asyncio.Event | None = getattr(call.request.app.state, "stopping", None)
    return stopping is not None and stopping.is_set()
