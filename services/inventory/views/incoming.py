"""Incoming shipments and inspections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory import tables as t
from shared.auth import Scope
from shared.paging import Sorts

INCOMING_SORTS = Sorts(
    {"created_at": t.incoming_shipments.c.id}, default="-created_at", tie=t.incoming_shipments.c.id
)
INSPECTION_SORTS = Sorts({"created_at": t.inspections.c.id}, default="-created_at", tie=t.inspections.c.id)


_INCOMING = select(t.incoming_shipments)


@dataclass(frozen=True, slots=True)
class IncomingView:
    """An incoming shipment with its lines and the ties that wait for them."""

    head: Any
    lines: Sequence[Any]
    ties: Sequence[Any]

    @property
    def version(self) -> int:
        """For its ETag."""
        version: int = self.head.version
        return version


@dataclass(frozen=True, slots=True)
class InspectionView:
    """An inspection with its pegs."""

    head: Any
    pegs: Sequence[Any]

    @property
    def version(self) -> int:
        """For its ETag."""
        version: int = self.head.version
        return version


def incoming_shipments(
    *,
    po_id: UUID | None,
    po_number: str | None,
    state: str | None,
    warehouse: str | None,
    vendor: str | None,
    scope: Scope,
) -> Select[Any]:
    """Incoming shipments, by purchase order, state, warehouse and vendor."""
    c = t.incoming_shipments.c
    wanted = (
        (c.po_id, po_id),
        (c.po_number, po_number),
        (c.state, state),
        (c.warehouse, warehouse),
        (c.vendor, vendor),
    )
    # one call: each would copy the query, and screens ask several times a second
    return _INCOMING.where(
        scope.where(c.warehouse), *(column == value for column, value in wanted if value is not None)
    )


async def incoming_shipment(db: AsyncConnection, shipment_id: UUID, scope: Scope) -> IncomingView | None:
    """One incoming shipment."""
    c = t.incoming_shipments.c
    found = await db.execute(
        select(t.incoming_shipments).where(c.id == shipment_id, scope.where(c.warehouse))
    )
    head = found.first()
    if head is None:
        return None
    lines = (await db.execute(_lines(shipment_id))).all()
    ties = (await db.execute(_ties([line.po_line_id for line in lines]))).all()
    return IncomingView(head, lines, ties)


def _lines(shipment_id: UUID) -> Select[Any]:
    line, po_line, receipt = t.incoming_lines, t.purchase_order_lines, t.receipt_lines
    came = (receipt.c.shipment_id == line.c.shipment_id) & (receipt.c.po_line_id == line.c.po_line_id)
    return (
        select(
            line.c.po_line_id,
            po_line.c.line_no,
            line.c.sku,
            po_line.c.description,
            po_line.c.unit,
            line.c.expected,
            line.c.counted,
            receipt.c.id.label("receipt_line_id"),
            receipt.c.pegged,
        )
        .select_from(line.join(po_line, po_line.c.po_line_id == line.c.po_line_id).outerjoin(receipt, came))
        .where(line.c.shipment_id == shipment_id)
        .order_by(po_line.c.line_no)
    )


def _ties(po_line_ids: Sequence[UUID]) -> Select[Any]:
    c = t.ties.c
    still_open = func.greatest(c.qty - func.greatest(c.closed, c.close_floor) - c.pegged, 0)
    return (
        select(t.ties, still_open.label("open"))
        .where(c.po_line_id.in_(po_line_ids), still_open > 0)
        .order_by(c.order_number, c.line_no, c.component)
    )


def _inspections() -> Select[Any]:
    i, line, s = t.inspections, t.receipt_lines, t.incoming_shipments
    return select(
        i,
        s.c.id.label("receipt_id"),
        s.c.number.label("receipt_number"),
        s.c.po_id,
        s.c.po_number,
        s.c.vendor,
    ).select_from(i.join(line, line.c.id == i.c.receipt_line_id).join(s, s.c.id == line.c.shipment_id))


def inspections(
    *,
    state: str | None,
    order_id: UUID | None,
    order_number: str | None,
    sku: str | None,
    warehouse: str | None,
    receipt_id: UUID | None,
    scope: Scope,
) -> Select[Any]:
    """Inspections, by the sales orders that they are for, by item, warehouse and receipt (an incoming shipment)."""
    c = t.inspections.c
    query = _inspections().where(scope.where(c.warehouse))
    for column, value in (
        (c.state, state),
        (c.sku, sku),
        (c.warehouse, warehouse),
        (t.receipt_lines.c.shipment_id, receipt_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if order_id is not None:
        query = query.where(_is_for(t.demand.c.order_id == order_id))
    if order_number is not None:
        numbered = select(t.orders_heard.c.order_id).where(t.orders_heard.c.number == order_number)
        query = query.where(_is_for(t.demand.c.order_id.in_(numbered)))
    return query


def _is_for(orders: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an inspection has a peg of these orders."""
    d, a = t.demand, t.allotments
    own = d.join(a, (a.c.line_id == d.c.line_id) & (a.c.component == d.c.component))
    return exists(
        select(a.c.id).select_from(own).where(a.c.receipt_line_id == t.inspections.c.receipt_line_id, orders)
    )


async def inspection(db: AsyncConnection, inspection_id: UUID, scope: Scope) -> InspectionView | None:
    """One inspection."""
    c = t.inspections.c
    head = (await db.execute(_inspections().where(c.id == inspection_id, scope.where(c.warehouse)))).first()
    if head is None:
        return None
    return InspectionView(head, (await db.execute(_pegs(head.receipt_line_id))).all())


def _pegs(receipt_line_id: UUID) -> Select[Any]:
    a, d = t.allotments, t.demand
    own = a.join(d, (d.c.line_id == a.c.line_id) & (d.c.component == a.c.component))
    return (
        select(a, a.c.id.label("allotment_id"), d.c.order_number, d.c.line_no)
        .select_from(own)
        .where(a.c.receipt_line_id == receipt_line_id)
        .order_by(d.c.order_number, d.c.line_no, a.c.id)
    )
