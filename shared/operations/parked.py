"""What could not be carried out: operators list it, look at it, mend it, have it tried again, or give it up."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field
from sqlalchemy import ColumnElement, Row, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.inbox import Reader, Subscriptions
from shared.operations import parking
from shared.operations.history import LogRow, log_row
from shared.paging import PageParams, Sorts
from shared.schema import parked, record_log
from shared.web import Call, Input, Output, Page, allows, paging, problems

MOST_HISTORY = 200
_SORTS = Sorts({"created_at": parked.c.created_at}, default="-created_at", tie=parked.c.event_id)
State = Literal["retry", "dead", "done", "discarded"]


class ParkedRow(Output):
    """An event that could not be carried out."""

    event_id: UUID
    type: str | None
    subject: str | None
    state: State
    attempts: int
    error_code: str | None
    last_error: str | None
    next_at: str | None
    created_at: str


class ParkedEvent(ParkedRow):
    """All that is known of a parked event; `version` is what an edit must name."""

    version: int
    event: dict[str, Any] | None = Field(
        description="The CloudEvent that will be tried; null if it cannot be read"
    )
    raw: str | None = Field(description="What came, where it could not be read")
    original: dict[str, Any] | None = Field(description="The event as it came, once it has been edited")
    edited_by: str | None
    updated_at: str
    history: list[LogRow] = Field(description="What operators did with it, oldest first")


class Mended(Output):
    """What a command over several parked events did, or with `dry_run` would do."""

    matched: int = Field(description="At most 1000 a request: repeat until it is 0")
    changed: int
    event_ids: list[UUID]


class Edit(Input):
    """A parked event, put right."""

    event: dict[str, Any] = Field(
        description="The whole CloudEvent as it should have come; it keeps its id",
        examples=[
            {
                "type": "inventory.warehouse.saved.v1",
                "time": "2026-01-01T00:00:00Z",
                "data": {"code": "MAIN"},
            }
        ],
    )
    reason: str = Field(min_length=1, max_length=500)


class Nothing(Input):
    """An empty body."""


class Discard(Input):
    """Why an event will never be carried out."""

    reason: str = Field(min_length=1, max_length=500)


class Chosen(Input):
    """Which parked events are meant: all conditions hold together."""

    state: Literal["retry", "dead", "discarded"] = "dead"
    type: str | None = Field(None, max_length=100, description="The fact's type, with its version")
    error: str | None = Field(None, max_length=100, description="The error code")
    since: AwareDatetime | None = Field(None, description="Parked from this instant on")
    dry_run: bool = Field(False, description="Only tell which they are")


class ChosenToDiscard(Chosen):
    """Which parked events will never be carried out, and why."""

    state: Literal["retry", "dead"] = "dead"
    reason: str = Field(min_length=1, max_length=500)


def parked_router(service: str, subscriptions: Subscriptions) -> APIRouter:
    """`/v1/ops/<service>/parked`: reading with `ops:read`, everything else with `ops:parked`."""
    router = APIRouter(prefix=f"/v1/ops/{service}/parked", tags=["operations"])
    _reading(router, service)
    _editing(router, service, Reader(subscriptions, check_user=False))
    _deciding_one(router, service)
    _deciding_many(router, service)
    return router


def _reading(router: APIRouter, service: str) -> None:
    name = service.title()

    @router.get("", operation_id=f"listParked{name}", response_model=Page[ParkedRow])
    async def list_parked(
        state: State | None = None,
        type: str | None = Query(None, max_length=100),  # noqa: A002  # CloudEvents' own word
        error: str | None = Query(None, max_length=100, description="The error code"),
        since: AwareDatetime | None = Query(None, description="Parked from this instant on"),
        page: PageParams = paging(_SORTS),
        call: Call = allows("ops:read", "ops:parked"),
    ) -> Response:
        chosen = parking.conditions(service, state=state, type_=type, error=error, since=since)
        return await call.list(select(parked).where(chosen), page, lambda row: ParkedRow(**_row(row)))

    @router.get(
        "/{event_id}", operation_id=f"showParked{name}", response_model=ParkedEvent, responses=problems(404)
    )
    async def show(event_id: UUID, call: Call = allows("ops:read", "ops:parked")) -> Response:
        return await call.read(_one, service, event_id, respond=lambda found: found)


def _editing(router: APIRouter, service: str, reader: Reader) -> None:
    @router.patch(
        "/{event_id}",
        operation_id=f"editParked{service.title()}",
        response_model=ParkedEvent,
        responses=problems(404, 409),
    )
    async def edit(
        event_id: UUID, body: Edit, call: Call = allows("ops:parked", if_match=True, shed=False)
    ) -> Response:
        async def mend(tx: Any) -> ParkedEvent | None:
            await parking.edit(tx, service, event_id, call.version, body.event, body.reason, reader)
            return await _one(tx.db, service, event_id)

        return await call.run(mend, respond=_found)


def _deciding_one(router: APIRouter, service: str) -> None:
    name = service.title()

    @router.post(
        "/{event_id}/replay",
        operation_id=f"replayParked{name}",
        response_model=ParkedRow,
        responses=problems(404, 409),
    )
    async def replay(
        event_id: UUID, body: Nothing | None = None, call: Call = allows("ops:parked", shed=False)
    ) -> Response:
        return await call.run(parking.replay, service, event_id, respond=lambda row: ParkedRow(**_row(row)))

    @router.post(
        "/{event_id}/discard",
        operation_id=f"discardParked{name}",
        response_model=ParkedRow,
        responses=problems(404, 409),
    )
    async def discard(
        event_id: UUID, body: Discard, call: Call = allows("ops:parked", shed=False)
    ) -> Response:
        return await call.run(
            parking.discard, service, event_id, body.reason, respond=lambda row: ParkedRow(**_row(row))
        )


def _deciding_many(router: APIRouter, service: str) -> None:
    name = service.title()

    @router.post("/replay", operation_id=f"replayParkedMany{name}", response_model=Mended)
    async def replay_many(body: Chosen, call: Call = allows("ops:parked", shed=False)) -> Response:
        return await call.run(parking.replay_many, _conditions(service, body), body.dry_run, respond=_mended)

    @router.post("/discard", operation_id=f"discardParkedMany{name}", response_model=Mended)
    async def discard_many(body: ChosenToDiscard, call: Call = allows("ops:parked", shed=False)) -> Response:
        return await call.run(
            parking.discard_many, _conditions(service, body), body.reason, body.dry_run, respond=_mended
        )


def _conditions(service: str, chosen: Chosen) -> ColumnElement[bool]:
    return parking.conditions(
        service, state=chosen.state, type_=chosen.type, error=chosen.error, since=chosen.since
    )


def _mended(result: parking.Mended) -> Mended:
    return Mended(matched=len(result.event_ids), changed=result.changed, event_ids=result.event_ids)


def _found(event: ParkedEvent | None) -> ParkedEvent:
    assert event is not None  # noqa: S101  # it was locked in this transaction
    return event


async def _one(db: AsyncConnection, service: str, event_id: UUID) -> ParkedEvent | None:
    row = (
        await db.execute(select(parked).where(parked.c.consumer == service, parked.c.event_id == event_id))
    ).first()
    if row is None:
        return None
    entries = await db.execute(
        select(record_log)
        .where(and_(record_log.c.document == parking.DOCUMENT, record_log.c.document_id == str(event_id)))
        .order_by(record_log.c.id)
        .limit(MOST_HISTORY)
    )
    return ParkedEvent(
        **_row(row), version=parking.version_of(row), event=row.body, original=row.original_body,
        raw=None if row.raw is None else row.raw.decode("utf-8", "backslashreplace"), edited_by=row.edited_by,
        updated_at=row.updated_at.isoformat(), history=[log_row(entry) for entry in entries],
    )  # fmt: skip


def _row(row: Row[Any]) -> dict[str, Any]:
    return {
        "event_id": row.event_id, "type": row.type, "subject": row.subject, "state": row.state,
        "attempts": row.attempts, "error_code": row.error_code, "last_error": row.last_error,
        "next_at": row.next_at.isoformat() if row.next_at and row.state == "retry" else None,
        "created_at": row.created_at.isoformat(),
    }  # fmt: skip
