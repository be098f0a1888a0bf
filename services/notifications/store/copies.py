"""What was heard of orders, allotments and shipments: rows that only newer words, or greater figures, replace."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.backorder import Demand, Taking
from services.notifications.domain.notice import Concern
from services.notifications.domain.outgoing import Lock, Parcel, Standing
from services.notifications.tables import (
    claims,
    demands,
    pick_locks,
    shipment_shares,
    shipments,
    takings,
)
from shared.decimals import ZERO

from .sets import arrays, given

Columns = Mapping[str, Any]

_WISH = (
    *("line_id", "component", "order_id", "version", "order_number", "line_no", "sku", "unit", "warehouse"),
    *("wanted", "is_open", "from_stock"),
)
_ANSWER = ("line_id", "component", "order_id", "settled_version", "first_version", "first_granted")
_FIGURES = ("withdrawn", "failed", "passed", "shipped", "returned", "unproven")
_CLAIM = ("allotment_id", "line_id", "component", "gated", "qty", *_FIGURES)
_TAKING = ("line_id", "component", "for_order_number", "reason", "qty")
_SHIPMENT = ("id", "number", "version", "state", "warehouse")
_SHARE = (
    *("shipment_id", "allotment_id", "order_id", "order_number", "line_id", "line_no", "component"),
    *("sku", "unit", "qty"),
)
_LOCK = (
    *("question_id", "allotment_id", "shipment_id", "shipment_number", "version", "order_id", "order_number"),
    *("line_id", "line_no", "component", "sku", "warehouse", "qty"),
)
_ids = bindparam("ids", type_=ARRAY(Uuid))


def _newer(names: Sequence[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names)


_PUT_WISHES = text(
    f"""
    INSERT INTO demands ({", ".join(_WISH)}) SELECT * FROM {given(_WISH)}
    ON CONFLICT (line_id, component) DO UPDATE SET {_newer(_WISH[2:])} WHERE demands.version < excluded.version
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(demands, _WISH))
_PUT_ANSWERS = text(
    f"""
    INSERT INTO demands ({", ".join(_ANSWER)}) SELECT * FROM {given(_ANSWER)}
    ON CONFLICT (line_id, component) DO UPDATE SET
        settled_version = greatest(demands.settled_version, excluded.settled_version),
        first_granted = CASE
            WHEN demands.first_version IS NULL OR excluded.first_version < demands.first_version
            THEN excluded.first_granted
            WHEN excluded.first_version = demands.first_version
            THEN least(demands.first_granted, excluded.first_granted)
            ELSE demands.first_granted END,
        first_version = least(demands.first_version, excluded.first_version)
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(demands, _ANSWER))
_PUT_CLAIMS = text(
    f"""
    INSERT INTO claims ({", ".join(_CLAIM)}) SELECT * FROM {given(_CLAIM)}
    ON CONFLICT (allotment_id) DO UPDATE SET gated = claims.gated OR excluded.gated,
        qty = coalesce(claims.qty, excluded.qty),
        {", ".join(f"{name} = greatest(claims.{name}, excluded.{name})" for name in _FIGURES)}
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(claims, _CLAIM))
_PUT_TAKINGS = text(
    f"""
    INSERT INTO takings ({", ".join(_TAKING)}) SELECT * FROM {given(_TAKING)}
    ON CONFLICT (line_id, component, for_order_number) DO UPDATE SET
        reason = least(takings.reason, excluded.reason), qty = greatest(takings.qty, excluded.qty)
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(takings, _TAKING))
_PUT_SHIPMENTS = text(
    f"""
    INSERT INTO shipments ({", ".join(_SHIPMENT)}) SELECT * FROM {given(_SHIPMENT)}
    ON CONFLICT (id) DO UPDATE SET {_newer(_SHIPMENT[1:])} WHERE shipments.version < excluded.version
    RETURNING id
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(shipments, _SHIPMENT))
_PUT_SHARES = text(
    f"""
    WITH gone AS (
        DELETE FROM shipment_shares AS s WHERE s.shipment_id = ANY(:ids) AND NOT EXISTS (
            SELECT 1 FROM unnest(:shipment_id, :allotment_id) AS now(shipment_id, allotment_id)
            WHERE now.shipment_id = s.shipment_id AND now.allotment_id = s.allotment_id)
    )
    INSERT INTO shipment_shares ({", ".join(_SHARE)}) SELECT * FROM {given(_SHARE)}
    ON CONFLICT (shipment_id, allotment_id) DO UPDATE SET qty = excluded.qty
    """  # noqa: S608  # constants of this module
).bindparams(_ids, *arrays(shipment_shares, _SHARE))
_PUT_LOCKS = text(
    f"INSERT INTO pick_locks ({', '.join(_LOCK)}) SELECT * FROM {given(_LOCK)} ON CONFLICT DO NOTHING"  # noqa: S608  # constants
).bindparams(*arrays(pick_locks, _LOCK))

_DEMANDS = text(
    """
    SELECT d.*, coalesce(held.granted, 0) AS granted, coalesce(held.shipped, 0) AS shipped,
        EXISTS (SELECT 1 FROM takings AS t WHERE t.line_id = d.line_id AND t.component = d.component) AS was_taken
    FROM demands AS d
    LEFT JOIN LATERAL (
        SELECT sum(c.qty - c.withdrawn - c.failed - c.returned) AS granted, sum(c.shipped) AS shipped
        FROM claims AS c WHERE c.line_id = d.line_id AND c.component = d.component
    ) AS held ON true
    WHERE d.order_id = ANY(:ids) AND d.from_stock AND d.version > 0
    ORDER BY d.order_id, d.line_no, d.component, d.line_id
    """
).bindparams(_ids)
_TAKINGS = select(takings).where(takings.c.line_id == _ids.any_()).order_by(*takings.primary_key.columns)
_PARCELS = text(
    """
    SELECT h.id, h.number, h.state, h.warehouse, s.*, CASE WHEN c.gated
        THEN least(s.qty, greatest(0, c.qty - c.withdrawn - c.failed - c.passed - c.unproven)) ELSE 0 END AS uninspected
    FROM shipments AS h
    LEFT JOIN shipment_shares AS s ON s.shipment_id = h.id
    LEFT JOIN claims AS c ON c.allotment_id = s.allotment_id
    WHERE h.id = ANY(:ids) ORDER BY h.id, s.order_number, s.line_no, s.component, s.allotment_id
    """
).bindparams(_ids)
_PENDING_WITH = text(
    """
    SELECT DISTINCT s.shipment_id FROM shipment_shares AS s JOIN shipments AS h ON h.id = s.shipment_id
    WHERE s.allotment_id = ANY(:ids) AND h.state = 'pending'
    """
).bindparams(_ids)
_LATER = text(
    """
    SELECT s.line_id, s.component, max(CAST(s.shipment_id AS text)) AS newest FROM shipment_shares AS s
    WHERE s.line_id = ANY(:ids) GROUP BY s.line_id, s.component
    """
).bindparams(_ids)
_LOCKED_ORDERS = select(pick_locks.c.order_id).where(pick_locks.c.shipment_id == _ids.any_()).distinct()
_LOCKS = text(
    """
    SELECT l.*, h.version IS NULL OR h.version <= l.version AS holds FROM pick_locks AS l
    LEFT JOIN shipments AS h ON h.id = l.shipment_id
    WHERE l.order_id = ANY(:ids) ORDER BY l.order_id, l.warehouse, l.line_no, l.allotment_id, l.shipment_id, l.qty
    """
).bindparams(_ids)


async def keep_wishes(db: AsyncConnection, rows: Collection[Columns]) -> None:
    """What newest snapshots of orders want; what is kept depends on the fact alone, not on what was heard before."""
    await _put(db, _PUT_WISHES, _WISH, rows)


async def keep_answers(db: AsyncConnection, rows: Collection[Columns]) -> None:
    """How far inventory has settled these lines, one row a line."""
    await _put(db, _PUT_ANSWERS, _ANSWER, rows)


async def keep_claims(db: AsyncConnection, rows: Collection[Columns]) -> None:
    """Figures of allotments, one row each; figures only grow."""
    filled = [{**dict.fromkeys(_FIGURES, ZERO), "qty": None, "gated": False, **row} for row in rows]
    await _put(db, _PUT_CLAIMS, _CLAIM, sorted(filled, key=lambda row: row["allotment_id"]))


async def keep_takings(db: AsyncConnection, rows: Collection[Columns]) -> None:
    """What was taken from lines, one row per line and order."""
    await _put(db, _PUT_TAKINGS, _TAKING, rows)


async def keep_locks(db: AsyncConnection, rows: Collection[Columns]) -> None:
    """Where units that were asked back are locked."""
    await _put(db, _PUT_LOCKS, _LOCK, rows)


async def keep_shipments(
    db: AsyncConnection, rows: Collection[Columns], shares: Iterable[Columns]
) -> set[UUID]:
    """Keep newer snapshots with their shares; which of them were news."""
    columns = {name: [row[name] for row in rows] for name in _SHIPMENT}
    news = set((await db.execute(_PUT_SHIPMENTS, columns)).scalars())
    if news:
        own = [share for share in shares if share["shipment_id"] in news]
        columns = {name: [share[name] for share in own] for name in _SHARE}
        await db.execute(_PUT_SHARES, {"ids": sorted(news), **columns})
    return news


async def load_demands(db: AsyncConnection, order_ids: Iterable[UUID]) -> list[Demand]:
    """What these orders want from stock and what they have got, order by order."""
    rows = await db.execute(_DEMANDS, {"ids": sorted(set(order_ids))})
    return [_demand(row) for row in rows]


async def load_takings(db: AsyncConnection, line_ids: Iterable[UUID]) -> list[Taking]:
    """What was taken from these lines."""
    ids = sorted(set(line_ids))
    rows = await db.execute(_TAKINGS, {"ids": ids}) if ids else ()
    return [
        Taking(row.line_id, row.component, row.for_order_number or None, row.qty, row.reason) for row in rows
    ]


async def load_parcels(db: AsyncConnection, shipment_ids: Iterable[UUID]) -> list[Parcel]:
    """These shipments as they stand."""
    rows = (await db.execute(_PARCELS, {"ids": sorted(set(shipment_ids))})).all()
    return [_parcel(list(group)) for _, group in groupby(rows, key=lambda row: row.id)]


async def pending_with(db: AsyncConnection, allotment_ids: Iterable[UUID]) -> set[UUID]:
    """The pending shipments that hold units of these allotments."""
    return set((await db.execute(_PENDING_WITH, {"ids": sorted(set(allotment_ids))})).scalars())


async def newest_shipments(db: AsyncConnection, line_ids: Iterable[UUID]) -> dict[tuple[UUID, int], UUID]:
    """The newest shipment that each of these lines stands on, or left with."""
    rows = await db.execute(_LATER, {"ids": sorted(set(line_ids))})
    return {(row.line_id, row.component): UUID(row.newest) for row in rows}


async def orders_locked_on(db: AsyncConnection, shipment_ids: Iterable[UUID]) -> set[UUID]:
    """The orders that were to give back units which these shipments kept."""
    return set((await db.execute(_LOCKED_ORDERS, {"ids": sorted(set(shipment_ids))})).scalars())


async def load_locks(
    db: AsyncConnection, order_ids: Iterable[UUID]
) -> dict[tuple[UUID, str], dict[tuple[UUID, UUID], Lock]]:
    """By order and warehouse: the locks that hold, by allotment and shipment; none left: an empty group."""
    found: dict[tuple[UUID, str], dict[tuple[UUID, UUID], Lock]] = {}
    for row in await db.execute(_LOCKS, {"ids": sorted(set(order_ids))}):
        group = found.setdefault((row.order_id, row.warehouse), {})
        if row.holds:
            lock = Lock(
                row.allotment_id,
                row.shipment_id,
                row.shipment_number,
                row.warehouse,
                _concern(row, row.line_id),
            )
            group[row.allotment_id, row.shipment_id] = lock
    return found


async def _put(db: AsyncConnection, statement: Any, names: Sequence[str], rows: Collection[Columns]) -> None:
    if rows:
        await db.execute(statement, {name: [row[name] for row in rows] for name in names})


def _demand(row: Row[Any]) -> Demand:
    return Demand(
        order_id=row.order_id,
        order_number=row.order_number,
        line_id=row.line_id,
        line_no=row.line_no,
        component=row.component,
        sku=row.sku,
        unit=row.unit,
        warehouse=row.warehouse,
        wanted=row.wanted,
        is_open=row.is_open,
        is_answered=row.settled_version > 0,
        first_granted=row.first_granted,
        granted=row.granted,
        shipped=row.shipped,
        was_taken=row.was_taken,
    )


def _parcel(rows: list[Row[Any]]) -> Parcel:
    head = rows[0]
    standings = tuple(
        Standing(row.allotment_id, _concern(row, row.line_id), row.unit, row.uninspected or ZERO)
        for row in rows
        if row.allotment_id is not None
    )
    return Parcel(head.id, head.number, head.state == "pending", head.warehouse, standings)


def _concern(row: Row[Any], key: UUID) -> Concern:
    return Concern(
        key, row.order_id, row.order_number, row.line_id, row.line_no, row.component, row.qty, row.sku
    )
