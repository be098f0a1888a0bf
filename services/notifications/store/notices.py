"""Notices with whom they concern, and the order in which they become visible."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.inspection import Finding
from services.notifications.domain.notice import Concern, Key, Kind, Notice, State
from services.notifications.tables import findings, notice_concerns, notices
from shared.auth import Scope

from .sets import arrays, given

_STREAM_LOCK = 8005

_FIXED = ("id", "number", "kind", "subject", "raised_at")
_MOVING = (
    *("state", "version", "news", "source_version", "warehouse", "title", "sku", "description", "unit"),
    *("qty", "passed", "failed", "vendor", "po_id", "po_number", "receipt_id", "receipt_number"),
    *("receipt_line_id", "shipment_id", "shipment_number", "reason", "message", "closed_at"),
)
_CONCERN = ("notice_id", "key", "order_id", "order_number", "line_id", "line_no", "component", "qty", "sku")
_FINDING = ("inspection_id", "version", "passed", "failed", "closed")


_ids = bindparam("ids", type_=ARRAY(Uuid))
_LOCK_STREAM = text(f"SELECT pg_advisory_xact_lock({_STREAM_LOCK})")
_NOTICES = select(notices).where(
    notices.c.kind == bindparam("kinds", type_=ARRAY(Text)).any_(), notices.c.subject == _ids.any_()
)
_ABOUT_ORDERS = select(notices).where(
    notices.c.kind == bindparam("kinds", type_=ARRAY(Text)).any_(),
    notices.c.id.in_(
        select(notice_concerns.c.notice_id).where(
            notice_concerns.c.order_id == bindparam("order_ids", type_=ARRAY(Uuid)).any_()
        )
    ),
)
_CONCERNS = (
    select(notice_concerns)
    .where(notice_concerns.c.notice_id == _ids.any_())
    .order_by(notice_concerns.c.notice_id)
)
_INSERT = text(
    f"""
    WITH new AS (
        INSERT INTO notices ({", ".join(_FIXED + _MOVING)}, position)
        SELECT {", ".join(_FIXED + _MOVING)}, nextval('notice_positions') FROM {given(_FIXED + _MOVING)}
    )
    INSERT INTO notice_concerns ({", ".join(_CONCERN)})
    SELECT * FROM unnest({", ".join(f":concern_{name}" for name in _CONCERN)})
    """  # noqa: S608  # constants of this module
).bindparams(
    *arrays(notices, _FIXED + _MOVING),
    *(bindparam(f"concern_{name}", type_=ARRAY(notice_concerns.c[name].type)) for name in _CONCERN),
)
"""New notices with whom they concern, in one statement."""
_UPDATE = text(
    f"""
    UPDATE notices SET {", ".join(f"{name} = given.{name}" for name in _MOVING)}, position = nextval('notice_positions')
    FROM {given(("id", *_MOVING))} WHERE notices.id = given.id
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(notices, ("id", *_MOVING)))
_PUT_CONCERNS = text(
    f"""
    INSERT INTO notice_concerns ({", ".join(_CONCERN)}) SELECT * FROM {given(_CONCERN)}
    ON CONFLICT (notice_id, key) DO UPDATE SET qty = excluded.qty
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(notice_concerns, _CONCERN))
_DROP_CONCERNS = text(
    """
    DELETE FROM notice_concerns USING unnest(:notice_id, :key) AS given(notice_id, key)
    WHERE notice_concerns.notice_id = given.notice_id AND notice_concerns.key = given.key
    """
).bindparams(*arrays(notice_concerns, _CONCERN[:2]))
_PUT_FINDINGS = text(
    f"""
    INSERT INTO findings ({", ".join(_FINDING)}) SELECT * FROM {given(_FINDING)}
    ON CONFLICT (inspection_id) DO UPDATE SET version = greatest(findings.version, excluded.version),
        {
        ", ".join(
            f"{name} = CASE WHEN findings.version < excluded.version THEN excluded.{name} ELSE findings.{name} END"
            for name in _FINDING[2:]
        )
    }
    RETURNING {", ".join(_FINDING)}
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(findings, _FINDING))
_FINDINGS = select(findings).where(findings.c.inspection_id == _ids.any_())


async def lock_stream(db: AsyncConnection) -> None:
    """From here to the commit no other transaction changes notices.

    So the stream's positions are taken in the order in which they become visible: whoever has read position n has
    missed nothing before it. A sequence alone would not do: 7 may commit before 6, and a reader at 7 never sees 6.
    Taken before anything else is locked, so it cannot deadlock. Notices come in batches; one writer is enough.
    """
    await db.execute(_LOCK_STREAM)


async def load_notices(
    db: AsyncConnection, kinds: Collection[Kind], subjects: Iterable[UUID]
) -> dict[Key, Notice]:
    """The notices of these kinds about these subjects."""
    wanted = {"kinds": [kind.value for kind in kinds], "ids": sorted(set(subjects))}
    return await _with_concerns(db, (await db.execute(_NOTICES, wanted)).all())


async def notices_about_orders(
    db: AsyncConnection, kinds: Collection[Kind], order_ids: Iterable[UUID]
) -> dict[Key, Notice]:
    """The notices of these kinds that concern these orders."""
    wanted = {"kinds": [kind.value for kind in kinds], "order_ids": sorted(set(order_ids))}
    return await _with_concerns(db, (await db.execute(_ABOUT_ORDERS, wanted)).all())


async def load_notice(db: AsyncConnection, notice_id: UUID, scope: Scope) -> Notice | None:
    """One notice; None when it is not there or not in the scope."""
    found = await db.execute(
        select(notices).where(notices.c.id == notice_id, scope.where(notices.c.warehouse))
    )
    return next(iter((await _with_concerns(db, found.all())).values()), None)


async def _with_concerns(db: AsyncConnection, rows: Sequence[Row[Any]]) -> dict[Key, Notice]:
    if not rows:
        return {}
    found = (await db.execute(_CONCERNS, {"ids": [row.id for row in rows]})).all()
    concerns = {key: list(group) for key, group in groupby(found, key=lambda row: row.notice_id)}
    loaded = (_notice(row, concerns.get(row.id, [])) for row in rows)
    return {(notice.kind, notice.subject): notice for notice in loaded}


async def save_notices(db: AsyncConnection, changed: Sequence[tuple[Notice | None, Notice]]) -> None:
    """Write notices that are new or differ; each moves to the end of the stream."""
    new = [after for before, after in changed if before is None]
    moved = [(before, after) for before, after in changed if before is not None]
    if new:
        rows = [_written(one) for one in new]
        concerns = [_written_concern(one, concern) for one in new for concern in one.concerns]
        of_notices = {name: [row[name] for row in rows] for name in _FIXED + _MOVING}
        of_concerns = {f"concern_{name}": [row[name] for row in concerns] for name in _CONCERN}
        await db.execute(_INSERT, {**of_notices, **of_concerns})
    put = [
        _written_concern(after, concern)
        for before, after in moved
        for concern in after.concerns
        if concern not in before.concerns
    ]
    gone: list[Mapping[str, Any]] = [
        {"notice_id": after.notice_id, "key": concern.key}
        for before, after in moved
        for concern in before.concerns
        if concern.key not in {one.key for one in after.concerns}
    ]
    for statement, names, rows in (
        (_UPDATE, ("id", *_MOVING), [_written(after) for _, after in moved]),
        (_PUT_CONCERNS, _CONCERN, put),
        (_DROP_CONCERNS, _CONCERN[:2], gone),
    ):
        if rows:
            await db.execute(statement, {name: [row[name] for row in rows] for name in names})


async def load_findings(db: AsyncConnection, inspection_ids: Iterable[UUID]) -> dict[UUID, Finding]:
    """Where these inspections stand, as far as anything has been heard of them."""
    rows = await db.execute(_FINDINGS, {"ids": sorted(set(inspection_ids))})
    return {row.inspection_id: Finding(*(getattr(row, name) for name in _FINDING)) for row in rows}


async def save_findings(db: AsyncConnection, told: Collection[Finding]) -> dict[UUID, Finding]:
    """Keep the newest word about each inspection; what it is by now."""
    if not told:
        return {}
    rows = await db.execute(_PUT_FINDINGS, {name: [getattr(one, name) for one in told] for name in _FINDING})
    return {row.inspection_id: Finding(*(getattr(row, name) for name in _FINDING)) for row in rows}


def _notice(row: Row[Any], concerns: Sequence[Row[Any]]) -> Notice:
    said: dict[str, Any] = {name: getattr(row, name) for name in _FIXED + _MOVING}
    said |= {"notice_id": said.pop("id"), "kind": Kind(row.kind), "state": State(row.state)}
    own = (Concern(**{name: getattr(one, name) for name in _CONCERN[1:]}) for one in concerns)
    return Notice(**said, concerns=tuple(sorted(own, key=_turn)))


def _turn(concern: Concern) -> tuple[str, int, int, UUID]:
    return concern.order_number, concern.line_no, concern.component, concern.key


def _written(notice: Notice) -> Mapping[str, Any]:
    said: dict[str, Any] = {name: getattr(notice, name) for name in _FIXED + _MOVING if name != "id"}
    return {**said, "id": notice.notice_id, "kind": notice.kind.value, "state": notice.state.value}


def _written_concern(notice: Notice, concern: Concern) -> Mapping[str, Any]:
    return {"notice_id": notice.notice_id, **{name: getattr(concern, name) for name in _CONCERN[1:]}}
