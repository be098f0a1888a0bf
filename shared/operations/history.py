"""What a service has told and logged, and what still waits: for operators and auditors."""

from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ids import first_id_at
from shared.paging import PageParams, Sorts
from shared.schema import event_log, record_log
from shared.web import Call, Output, Page, allows, paging


class LogRow(Output):
    """One change of one document (ORD-5)."""

    id: int
    document: str
    document_id: str
    part: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    actor: str
    cause: str
    at: str


class EventRow(Output):
    """An event as it was told; `data` is the fact."""

    event_id: UUID
    type: str
    subject: str
    at: str
    actor: str
    correlation: str
    cause: str | None
    traceparent: str | None
    data: dict[str, Any]


class Lag(Output):
    """What has not been published or carried out yet."""

    outbox: int
    parked_retry: int
    parked_dead: int


def history_router(service: str) -> APIRouter:
    """The record log of a document, the events that were told, and how much waits."""
    router = APIRouter(prefix=f"/v1/ops/{service}", tags=["operations"])
    log_sorts = Sorts({"id": record_log.c.id}, default="id", tie=record_log.c.id)
    event_sorts = Sorts({"id": event_log.c.event_id}, default="id", tie=event_log.c.created_at)

    @router.get("/record-log", operation_id=f"listRecordLog{service.title()}", response_model=Page[LogRow])
    async def record(
        document: str = Query(max_length=60),
        id: str | None = Query(None, max_length=100),  # noqa: A002  # the parameter's public name
        page: PageParams = paging(log_sorts),
        call: Call = allows("ops:read"),
    ) -> Response:
        query = select(record_log).where(record_log.c.document == document)
        return await call.list(
            query if id is None else query.where(record_log.c.document_id == id), page, log_row
        )

    @router.get("/events", operation_id=f"listEvents{service.title()}", response_model=Page[EventRow])
    async def events(
        since: AwareDatetime = Query(description="Events told from this instant on"),
        until: AwareDatetime | None = Query(None, description="Events told before this instant"),
        type: str | None = Query(None, max_length=100),  # noqa: A002  # CloudEvents' own word
        page: PageParams = paging(event_sorts),
        call: Call = allows("ops:read"),
    ) -> Response:
        # ids are UUIDv7: an instant is a bound on the primary key, so no further index is needed
        query = select(event_log).where(
            event_log.c.event_id >= first_id_at(since), event_log.c.created_at >= since
        )
        if until is not None:
            query = query.where(event_log.c.created_at < until)
        return await call.list(
            query if type is None else query.where(event_log.c.routing_key == type), page, _event_row
        )

    @router.get("/lag", operation_id=f"showLag{service.title()}", response_model=Lag)
    async def lag(call: Call = allows("ops:read")) -> Response:
        return await call.read(_lag, respond=lambda found: found)

    return router


async def _lag(db: AsyncConnection) -> Lag:
    row = (
        await db.execute(
            text(
                "SELECT (SELECT count(*) FROM outbox), count(*) FILTER (WHERE state = 'retry'), "
                "count(*) FILTER (WHERE state = 'dead') FROM parked"
            )
        )
    ).one()
    return Lag(outbox=row[0], parked_retry=row[1], parked_dead=row[2])


def log_row(row: Row[Any]) -> LogRow:
    """A record-log row as it is shown."""
    return LogRow(
        id=row.id, document=row.document, document_id=row.document_id, part=row.part, action=row.action,
        before=row.before, after=row.after, reason=row.reason, actor=row.actor, cause=row.cause, at=row.at.isoformat(),
    )  # fmt: skip


def _event_row(row: Row[Any]) -> EventRow:
    event = orjson.loads(row.body)
    return EventRow(
        event_id=row.event_id, type=row.routing_key, subject=row.subject, at=row.created_at.isoformat(),
        actor=event["actor"], correlation=event["correlationid"], cause=event.get("causationid"),
        traceparent=event.get("traceparent"), data=event["data"],
    )  # fmt: skip
