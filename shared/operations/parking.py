"""What an operator does with parked events. An event keeps its id through all of it, so trying it twice is harmless.

retry, dead, discarded -> retry      replay: it is tried at once
retry, dead            -> discarded  discard: it is never tried again, and dropped if it comes again
any but done                         edit: put right, checked against its contract; the original is kept
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, case, func, select, true, update
from sqlalchemy.sql.dml import ReturningUpdate

from shared.errors import Invalid, NotFound, Refused, Stale
from shared.inbox import Reader
from shared.schema import parked
from shared.unit_of_work import Tx

DOCUMENT = "parked event"
MOST_AT_ONCE = 1000
REPLAYED_FROM = ("retry", "dead", "discarded")
DISCARDED_FROM = ("retry", "dead")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotParked(NotFound):
    """No event of that id is parked here."""


class EventAlreadyDone(Refused):
    """The event has been carried out since: there is nothing left to do with it."""


class EventAlreadyDiscarded(Refused):
    """The event has been given up already."""


class EventUnreadable(Refused):
    """What came cannot be read: edit it before it is tried again."""


class StillUnreadable(Invalid):
    """The edited event is not what its contract asks for."""


class ParkedEventMoved(Stale):
    """Somebody else, or another try, has changed the parked event since it was read."""


@dataclass(frozen=True)
class Mended:
    """Which events a command over several chose, and how many it changed."""

    event_ids: list[UUID]
    changed: int


def conditions(
    service: str, *, state: str | None, type_: str | None, error: str | None, since: datetime | None
) -> ColumnElement[bool]:
    """The parked events of a service that an operator means."""
    found: ColumnElement[bool] = parked.c.consumer == service
    for column, value in ((parked.c.state, state), (parked.c.type, type_), (parked.c.error_code, error)):
        found &= true() if value is None else column == value
    return found & (true() if since is None else parked.c.created_at >= since)


def version_of(row: Row[Any]) -> int:
    """The moment of the row's last change in microseconds: it moves on with every change."""
    since: timedelta = row.updated_at - _EPOCH
    return since // timedelta(microseconds=1)


async def replay(tx: Tx, service: str, event_id: UUID) -> Row[Any]:
    """Have a parked event tried at once; raises `EventUnreadable` for what has no readable body yet."""
    row = await _lock(tx, service, event_id)
    if row.body is None:
        raise EventUnreadable("This cannot be read as it came; edit it first", error=row.last_error)
    return (await _change(tx, [row], "replayed", _due(), None))[0]


async def discard(tx: Tx, service: str, event_id: UUID, reason: str) -> Row[Any]:
    """Give a parked event up for good."""
    row = await _lock(tx, service, event_id)
    if row.state == "discarded":
        raise EventAlreadyDiscarded("This event has been discarded already")
    return (await _change(tx, [row], "discarded", _given_up(), reason))[0]


async def edit(
    tx: Tx, service: str, event_id: UUID, version: int, event: dict[str, Any], reason: str, reader: Reader
) -> None:
    """Put a parked event right; it is not tried by that. Its first form and who edited it are kept.

    Raises `StillUnreadable` unless the event is one that this service hears, in the form of its contract.
    """
    row = await _lock(tx, service, event_id)
    if version_of(row) != version:
        raise ParkedEventMoved("The event has changed; show it again", current=version_of(row), given=version)
    mended = {**event, "id": str(event_id)}
    heard = reader.read(orjson.dumps([mended]), None)
    if not heard or heard[0].told is None:
        why = heard[0].problem if heard else f"{event.get('type')} is not heard here"
        raise StillUnreadable(f"This event cannot be carried out: {why}")
    values = {
        "body": mended, "type": heard[0].type, "subject": heard[0].subject, "edited_by": tx.actor,
        "original_body": case((parked.c.edited_by.is_(None), parked.c.body), else_=parked.c.original_body),
    }  # fmt: skip
    await tx.db.execute(_update([row]).values(**values))
    tx.record(DOCUMENT, event_id, "edited", {"event": row.body}, {"event": mended}, reason=reason)


async def replay_many(tx: Tx, chosen: ColumnElement[bool], dry_run: bool) -> Mended:
    """Have all chosen readable events tried at once."""
    rows = await _lock_many(tx, chosen & parked.c.body.is_not(None) & parked.c.state.in_(REPLAYED_FROM))
    return await _mend(tx, rows, dry_run, "replayed", _due(), None)


async def discard_many(tx: Tx, chosen: ColumnElement[bool], reason: str, dry_run: bool) -> Mended:
    """Give all chosen events up."""
    rows = await _lock_many(tx, chosen & parked.c.state.in_(DISCARDED_FROM))
    return await _mend(tx, rows, dry_run, "discarded", _given_up(), reason)


async def _mend(
    tx: Tx, rows: Sequence[Row[Any]], dry_run: bool, action: str, values: dict[str, Any], reason: str | None
) -> Mended:
    changed = [] if dry_run or not rows else await _change(tx, rows, action, values, reason)
    return Mended([row.event_id for row in rows], len(changed))


async def _lock(tx: Tx, service: str, event_id: UUID) -> Row[Any]:
    query = select(parked).where(parked.c.consumer == service, parked.c.event_id == event_id)
    row = (await tx.db.execute(query.with_for_update(key_share=True))).first()
    if row is None:
        raise NotParked("No event of that id is parked here", event_id=str(event_id))
    if row.state == "done":
        raise EventAlreadyDone("This event has been carried out since; there is nothing left to do")
    return row


async def _lock_many(tx: Tx, chosen: ColumnElement[bool]) -> Sequence[Row[Any]]:
    # what is being tried at this moment is left alone: the same command again finds it if it failed
    query = select(parked).where(chosen).order_by(parked.c.event_id).limit(MOST_AT_ONCE)
    return (await tx.db.execute(query.with_for_update(key_share=True, skip_locked=True))).all()


async def _change(
    tx: Tx, rows: Sequence[Row[Any]], action: str, values: dict[str, Any], reason: str | None
) -> Sequence[Row[Any]]:
    changed: Sequence[Row[Any]] = (await tx.db.execute(_update(rows).values(**values))).all()
    for row in rows:
        tx.record(
            DOCUMENT, row.event_id, action, {"state": row.state}, {"state": values["state"], "tried": row.attempts},
            reason=reason,
        )  # fmt: skip
    return changed


def _update(rows: Sequence[Row[Any]]) -> ReturningUpdate[Any]:
    return (
        update(parked)
        .where(parked.c.consumer == rows[0].consumer, parked.c.event_id.in_([row.event_id for row in rows]))
        .values(updated_at=func.clock_timestamp())
        .returning(parked)
    )


def _due() -> dict[str, Any]:
    return {"state": "retry", "next_at": func.clock_timestamp()}


def _given_up() -> dict[str, Any]:
    return {"state": "discarded", "next_at": None}
