"""Reading what was heard of orders, allotments and shipments."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.backorder import Demand, Taking
from services.notifications.domain.notice import Concern
from services.notifications.domain.outgoing import Lock, Parcel, Standing
from services.notifications.tables import takings
from shared.decimals import ZERO

_ids = bindparam("ids", type_=ARRAY(Uuid))


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
_PARCEL = """
    SELECT h.id, h.number, h.state, h.warehouse, s.*, CASE WHEN c.gated
        THEN least(s.qty, greatest(0, c.qty - c.withdrawn - c.failed - c.passed - c.unproven)) ELSE 0 END AS uninspected
    FROM shipments AS h
    LEFT JOIN shipment_shares AS s ON s.shipment_id = h.id
    LEFT JOIN claims AS c ON c.allotment_id = s.allotment_id
"""
_IN_TURN = "ORDER BY h.id, s.order_number, s.line_no, s.component, s.allotment_id"
_PARCELS = text(f"{_PARCEL} WHERE h.id = ANY(:ids) {_IN_TURN}").bindparams(_ids)
_PENDING_WITH = text(
    f"""{_PARCEL} WHERE h.state = 'pending'
        AND h.id = ANY(ARRAY(SELECT shipment_id FROM shipment_shares WHERE allotment_id = ANY(:ids))) {_IN_TURN}"""  # noqa: S608  # constants of this module
).bindparams(_ids)
_LATER = text(
    """
    SELECT s.line_id, s.component, max(CAST(s.shipment_id AS text)) AS newest FROM shipment_shares AS s
    WHERE s.line_id = ANY(:ids) GROUP BY s.line_id, s.component
    """
).bindparams(_ids)
_LOCKS = text(
    """
    SELECT l.*, h.version IS NULL OR h.version <= l.version AS holds FROM pick_locks AS l
    LEFT JOIN shipments AS h ON h.id = l.shipment_id
    WHERE l.order_id = ANY(ARRAY(SELECT order_id FROM pick_locks WHERE shipment_id = ANY(:shipments)))
       OR l.order_id = ANY(:ids) ORDER BY l.order_id, l.warehouse, l.line_no, l.allotment_id, l.shipment_id, l.qty
    """
).bindparams(_ids, bindparam("shipments", type_=ARRAY(Uuid)))


async def load_demands(db: AsyncConnection, order_ids: Iterable[UUID]) -> list[Demand]:
    """What these orders want from stock and what they have got, order by order."""
    rows = await db.execute(_DEMANDS, {"ids": list(set(order_ids))})
    return [_demand(row) for row in rows]


async def load_takings(db: AsyncConnection, line_ids: Iterable[UUID]) -> list[Taking]:
    """What was taken from these lines."""
    ids = list(set(line_ids))
    rows = await db.execute(_TAKINGS, {"ids": ids}) if ids else ()
    return [
        Taking(row.line_id, row.component, row.for_order_number or None, row.qty, row.reason) for row in rows
    ]


async def load_parcels(db: AsyncConnection, shipment_ids: Iterable[UUID]) -> list[Parcel]:
    """These shipments as they stand."""
    rows = (await db.execute(_PARCELS, {"ids": list(set(shipment_ids))})).all()
    return _parcels(rows)


async def load_pending_with(db: AsyncConnection, allotment_ids: Iterable[UUID]) -> list[Parcel]:
    """The pending shipments that hold units of these allotments, as they stand."""
    rows = (await db.execute(_PENDING_WITH, {"ids": list(set(allotment_ids))})).all()
    return _parcels(rows)


async def newest_shipments(db: AsyncConnection, line_ids: Iterable[UUID]) -> dict[tuple[UUID, int], UUID]:
    """The newest shipment that each of these lines stands on, or left with."""
    rows = await db.execute(_LATER, {"ids": list(set(line_ids))})
    return {(row.line_id, row.component): UUID(row.newest) for row in rows}


async def load_locks(
    db: AsyncConnection, order_ids: Iterable[UUID] = (), shipment_ids: Iterable[UUID] = ()
) -> dict[tuple[UUID, str], dict[tuple[UUID, UUID], Lock]]:
    """By order and warehouse: the locks that hold, by allotment and shipment; none left: an empty group.

    Of these orders, and of those that were to give back units which these shipments kept.
    """
    found: dict[tuple[UUID, str], dict[tuple[UUID, UUID], Lock]] = {}
    wanted = {"ids": list(set(order_ids)), "shipments": list(set(shipment_ids))}
    for row in await db.execute(_LOCKS, wanted):
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


def _parcels(rows: Iterable[Row[Any]]) -> list[Parcel]:
    return [_parcel(list(group)) for _, group in groupby(rows, key=_shipment)]


def _shipment(row: Row[Any]) -> UUID:
    found: UUID = row[0]
    return found


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
