"""Receipts: all that they start from, locked, and all that they write, in one statement for any number of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.adjustment import ItemUnit
from services.inventory.domain.incoming import (
    IncomingShipment,
    IncomingState,
    PoHead,
    PoLine,
    ReceiptLine,
)
from services.inventory.store.columns import ID, INT, QTY, TEXT, columns, spread, statement
from shared.ids import new_id

_LOCK = statement(
    """
    SELECT s.id, s.number, s.version, s.state, s.po_id, s.po_number, s.vendor, s.warehouse,
        p.version AS po_version, p.number AS head_number, p.state AS po_state, p.vendor AS po_vendor,
        p.warehouse AS po_warehouse, p.drop_ship
    FROM purchase_orders p JOIN incoming_shipments s ON s.po_id = p.po_id
    WHERE s.id = ANY(:ids) ORDER BY p.po_id, s.id FOR NO KEY UPDATE
    """,
    ids=ID,
)
_LINES = statement(
    """
    SELECT l.po_line_id, l.po_id, l.line_no, l.sku, l.description, l.unit, l.ordered, l.cancelled, l.received,
        l.supply_limit, l.cancel_floor, now_is.shipment_id, i.expected, i.counted, it.kind, it.precision
    FROM unnest(:shipment_ids, :po_ids) AS now_is(shipment_id, po_id)
    JOIN purchase_order_lines l ON l.po_id = now_is.po_id
    LEFT JOIN incoming_lines i ON i.po_line_id = l.po_line_id AND i.shipment_id = now_is.shipment_id
    LEFT JOIN items it ON it.sku = l.sku
    """,
    shipment_ids=ID,
    po_ids=ID,
)
_RECEIVE = statement(
    """
    WITH line AS (
        SELECT * FROM unnest(:id, :shipment_id, :po_id, :po_line_id, :sku, :warehouse, :expected, :received, :surplus,
            :pegged, :ledger_id, :document, :actor) AS line(id, shipment_id, po_id, po_line_id, sku, warehouse, expected,
            received, surplus, pegged, ledger_id, document, actor)
    ), head AS (
        UPDATE incoming_shipments s SET state = 'complete', version = now_is.version, completed_at = :at,
            completed_by = now_is.receiver
        FROM unnest(:shipment_ids, :versions, :by) AS now_is(id, version, receiver) WHERE s.id = now_is.id
    ), counted AS (
        UPDATE incoming_lines l SET counted = now_is.counted, open = false
        FROM unnest(:counted_on, :counted_lines, :counted) AS now_is(shipment_id, po_line_id, counted)
        WHERE l.shipment_id = now_is.shipment_id AND l.po_line_id = now_is.po_line_id
    ), ordered AS (
        UPDATE purchase_order_lines l SET received = l.received + line.received FROM line
        WHERE l.po_line_id = line.po_line_id
    ), booked AS (
        INSERT INTO stock_ledger (id, sku, warehouse, qty, kind, source_key, document, actor, at)
        SELECT ledger_id, sku, warehouse, received, 'receipt', CAST(id AS text), document, actor, :at FROM line
    ), moved AS (
        UPDATE stock s SET on_hand = s.on_hand + came.received, pegged = s.pegged + came.pegged
        FROM (SELECT sku, warehouse, sum(received) AS received, sum(pegged) AS pegged FROM line GROUP BY sku, warehouse)
            came
        WHERE s.sku = came.sku AND s.warehouse = came.warehouse
    )
    INSERT INTO receipt_lines (id, shipment_id, po_id, po_line_id, sku, warehouse, expected, received, surplus, pegged,
        received_at)
    SELECT id, shipment_id, po_id, po_line_id, sku, warehouse, expected, received, surplus, pegged, :at FROM line
    """,
    id=ID,
    shipment_id=ID,
    po_id=ID,
    po_line_id=ID,
    sku=TEXT,
    warehouse=TEXT,
    expected=QTY,
    received=QTY,
    surplus=QTY,
    pegged=QTY,
    ledger_id=ID,
    document=TEXT,
    actor=TEXT,
    shipment_ids=ID,
    versions=INT,
    by=TEXT,
    counted_on=ID,
    counted_lines=ID,
    counted=QTY,
)
_LINE_FIELDS = tuple(field.name for field in fields(ReceiptLine))
_PO_LINE_FIELDS = len(fields(PoLine))


@dataclass(frozen=True, slots=True)
class ToReceive:
    """All that a receipt starts from: shipment, purchase order, all its lines, and their items' units."""

    shipment: IncomingShipment
    order: PoHead
    lines: Mapping[UUID, PoLine]
    units: Mapping[str, ItemUnit]


async def lock_for_receipts(db: AsyncConnection, shipment_ids: Iterable[UUID]) -> dict[UUID, ToReceive]:
    """Incoming shipments and their purchase orders, locked in this order's way: the purchase order first.

    Their lines are read after the locks are held: what another receipt changed meanwhile is seen.
    """
    heads = (await db.execute(_LOCK, {"ids": list(shipment_ids)})).all()
    if not heads:
        return {}
    places = columns([(head.id, head.po_id) for head in heads], "shipment_ids", "po_ids")
    of_shipment: dict[UUID, list[Any]] = {head.id: [] for head in heads}
    for row in (await db.execute(_LINES, places)).all():
        of_shipment[row.shipment_id].append(row)
    return {head.id: _to_receive(head, of_shipment[head.id]) for head in heads}


def _to_receive(head: Row[Any], rows: Sequence[Row[Any]]) -> ToReceive:
    expected = {row.po_line_id: (row.expected, row.counted) for row in rows if row.expected is not None}
    shipment = IncomingShipment(
        head.id, head.number, head.version, IncomingState(head.state), head.po_id, head.po_number, head.vendor,
        head.warehouse, expected,
    )  # fmt: skip
    order = PoHead(
        head.po_id, head.po_version, head.head_number, head.po_state, head.po_vendor, head.po_warehouse, head.drop_ship
    )  # fmt: skip
    units = {
        row.sku: ItemUnit(row.sku, row.kind, row.unit, row.precision) for row in rows if row.kind is not None
    }
    return ToReceive(shipment, order, {row.po_line_id: PoLine(*row[:_PO_LINE_FIELDS]) for row in rows}, units)


async def receive(
    db: AsyncConnection,
    completed: Sequence[tuple[IncomingShipment, str]],
    rows: Sequence[ReceiptLine],
    at: datetime,
) -> None:
    """Write completed receipts: (shipment as it stands now, who received it), and what came of each line.

    Heads, counts, receipt lines, the received figures of their purchase orders, ledger and stock; locks are held.
    """
    of_id = {shipment.id: (shipment.number, by) for shipment, by in completed}
    named = [(new_id(), *of_id[row.shipment_id]) for row in rows]
    counted = [(s.id, line, units) for s, _ in completed for line, (_, units) in s.lines.items()]
    await db.execute(
        _RECEIVE,
        {
            **spread(rows, *_LINE_FIELDS),
            **columns(named, "ledger_id", "document", "actor"),
            **columns([(s.id, s.version, by) for s, by in completed], "shipment_ids", "versions", "by"),
            **columns(counted, "counted_on", "counted_lines", "counted"),
            "at": at,
        },
    )
