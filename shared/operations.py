"""Routes that every service has: its preferences, its record log, and what was parked."""

from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from sqlalchemy import Row, Select, func, select, text

from shared.errors import Invalid, NotFound
from shared.ids import first_id_at
from shared.paging import PageParams, Sorts
from shared.preferences import as_json, choose, read_preferences
from shared.schema import event_log, parked, record_log
from shared.unit_of_work import Tx
from shared.web import Call, Input, Output, Page, allows, paging, problems


class PreferenceUnknown(Invalid):
    """There is no such preference, or the value is not one of its choices."""


class NotParked(NotFound):
    """No event of that id is parked here."""


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
    data: dict[str, Any]


class ParkedRow(Output):
    """An event that could not be carried out."""

    event_id: UUID
    type: str | None
    subject: str | None
    state: str
    attempts: int
    error_code: str | None
    last_error: str | None
    next_at: str | None
    created_at: str


class Replayed(Output):
    """The parked event will be tried at once."""

    event_id: UUID
    state: str


class Nothing(Input):
    """An empty body."""


def preferences_router(service: str, kind: type[Any]) -> APIRouter:
    """`GET` and `PATCH /v1/preferences/<service>`: typed, with defaults, each change in the record log."""
    router = APIRouter(prefix="/v1/preferences", tags=["preferences"])
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    class Preferences(Output):
        version: int
        chosen: kind  # type: ignore[valid-type]  # the service's own dataclass

    def shown(result: tuple[Any, int]) -> Preferences:
        return Preferences(chosen=result[0], version=result[1])

    async def change(tx: Tx, version: int, wanted: dict[str, Any]) -> "_Chosen":
        names = adapter.json_schema()["properties"]
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise PreferenceUnknown(f"There is no preference {', '.join(unknown)}", known=sorted(names))
        try:
            return _Chosen(*await choose(tx, service, kind, version, wanted))
        except ValidationError as problem:
            found = [
                {"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]}
                for e in problem.errors(include_input=False)
            ]
            raise PreferenceUnknown(
                "A value is not one of its preference's choices", errors=found
            ) from problem

    @router.get(f"/{service}", operation_id=f"showPreferences{service.title()}", response_model=Preferences)
    async def show(call: Call = allows("preferences:read", "preferences:write")) -> Response:
        async def view(db: Any) -> _Chosen:
            return _Chosen(*await read_preferences(db, kind))

        return await call.read(view, respond=lambda c: shown((c.chosen, c.version)))

    @router.patch(
        f"/{service}",
        operation_id=f"choosePreferences{service.title()}",
        response_model=Preferences,
        responses=problems(422),
    )
    async def choose_some(
        body: dict[str, Any], call: Call = allows("preferences:write", if_match=True)
    ) -> Response:
        return await call.run(change, call.version, body, respond=lambda c: shown((c.chosen, c.version)))

    return router


class _Chosen:
    """Preferences with the version for their ETag."""

    def __init__(self, chosen: Any, version: int) -> None:
        self.chosen = chosen
        self.version = version


def ops_router(service: str) -> APIRouter:
    """What an operator looks at: the record log of one document, and parked events with a way to try them again."""
    router = APIRouter(prefix=f"/v1/ops/{service}", tags=["operations"])
    log_sorts = Sorts({"id": record_log.c.id}, default="id", tie=record_log.c.id)
    parked_sorts = Sorts({"created_at": parked.c.created_at}, default="-created_at", tie=parked.c.event_id)

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

    event_sorts = Sorts({"id": event_log.c.event_id}, default="id", tie=event_log.c.created_at)

    @router.get("/events", operation_id=f"listEvents{service.title()}", response_model=Page[EventRow])
    async def events(
        since: AwareDatetime = Query(description="Events told from this instant on"),
        type: str | None = Query(None, max_length=100),  # noqa: A002  # CloudEvents' own word
        page: PageParams = paging(event_sorts),
        call: Call = allows("ops:read"),
    ) -> Response:
        # ids are UUIDv7: an instant is a bound on the primary key, so no further index is needed
        query = select(event_log).where(
            event_log.c.event_id >= first_id_at(since), event_log.c.created_at >= since
        )
        return await call.list(
            query if type is None else query.where(event_log.c.routing_key == type), page, _event_row
        )

    @router.get("/parked", operation_id=f"listParked{service.title()}", response_model=Page[ParkedRow])
    async def list_parked(
        state: str | None = Query(None, pattern="^(retry|dead|done|discarded)$"),
        page: PageParams = paging(parked_sorts),
        call: Call = allows("ops:read", "ops:parked"),
    ) -> Response:
        query: Select[Any] = select(parked)
        return await call.list(
            query if state is None else query.where(parked.c.state == state), page, _parked_row
        )

    @router.post(
        "/parked/{event_id}/replay", operation_id=f"replayParked{service.title()}", response_model=Replayed
    )
    async def replay(event_id: UUID, call: Call = allows("ops:parked")) -> Response:
        return await call.run(_replay, event_id, respond=lambda r: r)

    @router.get("/lag", operation_id=f"showLag{service.title()}", response_model=Lag)
    async def lag(call: Call = allows("ops:read")) -> Response:
        return await call.read(_lag, respond=lambda found: found)

    return router


class Lag(Output):
    """What has not been published or carried out yet."""

    outbox: int
    parked_retry: int
    parked_dead: int


async def _lag(db: Any) -> Lag:
    row = (
        await db.execute(
            text(
                "SELECT (SELECT count(*) FROM outbox), count(*) FILTER (WHERE state = 'retry'), "
                "count(*) FILTER (WHERE state = 'dead') FROM parked"
            )
        )
    ).one()
    return Lag(outbox=row[0], parked_retry=row[1], parked_dead=row[2])


async def _replay(tx: Tx, event_id: UUID) -> Replayed:
    """Make a parked event due now; its id stays, so replaying twice is harmless."""
    due = await tx.db.execute(
        parked.update()
        .where(
            parked.c.event_id == event_id, parked.c.state.in_(("dead", "retry")), parked.c.body.is_not(None)
        )
        .values(state="retry", next_at=func.clock_timestamp(), updated_at=func.now())
        .returning(parked.c.event_id)
    )
    if due.first() is None:
        raise NotParked("No readable event of that id is parked here", event_id=str(event_id))
    tx.record("parked event", event_id, "replayed", None, {"state": "retry"})
    return Replayed(event_id=event_id, state="retry")


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
        actor=event["actor"], correlation=event["correlationid"], cause=event.get("causationid"), data=event["data"],
    )  # fmt: skip


def _parked_row(row: Row[Any]) -> ParkedRow:
    return ParkedRow(
        event_id=row.event_id, type=row.type, subject=row.subject, state=row.state, attempts=row.attempts,
        error_code=row.error_code, last_error=row.last_error,
        next_at=row.next_at.isoformat() if row.next_at else None, created_at=row.created_at.isoformat(),
    )  # fmt: skip


__all__ = ["as_json", "log_row", "ops_router", "preferences_router"]
