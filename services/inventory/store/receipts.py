"""Receipts: all that they start from, locked, and all that they write, in one statement for any number of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.adjustment import ItemUnit
from services.inventory.domain.demand import Demand, Key, Line
from services.inventory.domain.incoming import (
    IncomingShipment,
    IncomingState,
    PoHead,
    PoLine,
    ReceiptLine,
)
from services.inventory.domain.stock import Stock
from services.inventory.store.allotments import PEG, PEGGED, NewPeg, pegged
from services.inventory.store.columns import FLAG, ID, INT, QTY, TEXT, columns, next_number, spread, statement
from services.inventory.store.demand import DEMAND, as_demand
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
# stock after purchase orders, and all of it or none: who holds one row and adds another waits in the wrong order
_LINES = statement(
    """
    WITH line AS (
        SELECT l.po_line_id, l.po_id, l.line_no, l.sku, l.description, l.unit, l.ordered, l.cancelled, l.received,
            l.supply_limit, l.cancel_floor, now_is.shipment_id, i.expected, i.counted, it.kind, it.precision,
            now_is.warehouse, now_is.moves AND i.expected IS NOT NULL AS moves
        FROM unnest(:shipment_ids, :po_ids, :warehouses, :moves) AS now_is(shipment_id, po_id, warehouse, moves)
        JOIN purchase_order_lines l ON l.po_id = now_is.po_id
        LEFT JOIN incoming_lines i ON i.po_line_id = l.po_line_id AND i.shipment_id = now_is.shipment_id
        LEFT JOIN items it ON it.sku = l.sku
    ), wanted AS (
        SELECT DISTINCT sku, warehouse FROM line WHERE moves
    ), held AS (
        SELECT s.sku, s.warehouse, s.on_hand, s.allotted, s.pegged, s.arrived, s.quarantined, s.has_levels
        FROM stock s JOIN wanted w ON s.sku = w.sku AND s.warehouse = w.warehouse
        WHERE (SELECT count(*) FROM stock there JOIN wanted n ON there.sku = n.sku AND there.warehouse = n.warehouse)
            = (SELECT count(*) FROM wanted)
        ORDER BY s.sku, s.warehouse FOR NO KEY UPDATE OF s
    )
    SELECT l.*, h.sku AS held_sku, h.warehouse AS held_in, h.on_hand, h.allotted, h.pegged, h.arrived, h.quarantined,
        h.has_levels
    FROM (SELECT line.*, row_number() OVER () AS nth FROM line) l
    FULL JOIN (SELECT held.*, row_number() OVER () AS nth FROM held) h ON h.nth = l.nth
    """,
    shipment_ids=ID,
    po_ids=ID,
    warehouses=TEXT,
    moves=FLAG,
)
_RECEIVE = statement(
    f"""
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
    ), arrived AS (
        INSERT INTO receipt_lines (id, shipment_id, po_id, po_line_id, sku, warehouse, expected, received, surplus, pegged,
            received_at)
        SELECT id, shipment_id, po_id, po_line_id, sku, warehouse, expected, received, surplus, pegged, :at FROM line
    ), {PEG}, looked_at AS (
        INSERT INTO inspections (id, number, version, told, receipt_line_id, sku, warehouse, to_inspect, passed, failed,
            created_at)
        SELECT id, {next_number("inspection_numbers", "IN")}, 1, 0, receipt_line_id, sku, warehouse, to_inspect, 0, 0, :at
        FROM unnest(:inspection_id, :inspected_line, :inspected_sku, :inspected_in, :to_inspect)
            AS i(id, receipt_line_id, sku, warehouse, to_inspect)
        RETURNING receipt_line_id, number
    )
    SELECT {DEMAND}, numbered.receipt_line_id AS inspected_line, numbered.number AS inspection_number
    FROM (SELECT told.*, row_number() OVER () AS nth FROM told) d
    FULL JOIN (SELECT looked_at.*, row_number() OVER () AS nth FROM looked_at) numbered ON numbered.nth = d.nth
    """,  # noqa: S608  # constants of ours
    **PEGGED,
    inspection_id=ID,
    inspected_line=ID,
    inspected_sku=TEXT,
    inspected_in=TEXT,
    to_inspect=QTY,
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
_STOCK = len(fields(Stock))


@dataclass(frozen=True, slots=True)
class ToReceive:
    """All that a receipt starts from: shipment, purchase order, all its lines, and their items' units."""

    shipment: IncomingShipment
    order: PoHead
    lines: Mapping[UUID, PoLine]
    units: Mapping[str, ItemUnit]


@dataclass(frozen=True, slots=True)
class Start:
    """What receipts start from, and the stock of what they may bring as far as its rows are there, all of it locked."""

    shipments: dict[UUID, ToReceive]
    stock: Mapping[Key, Stock]


async def lock_for_receipts(
    db: AsyncConnection, shipment_ids: Collection[UUID], moving: Collection[UUID]
) -> Start:
    """Incoming shipments and their purchase orders, locked in this order's way: the purchase order first, then the stock.

    Their lines are read after the locks are held: what another receipt changed meanwhile is seen. Only the stock of
    those that are `moving` is locked, and where one row of it is not there yet, none.
    """
    heads = (await db.execute(_LOCK, {"ids": list(shipment_ids)})).all()
    if not heads:
        return Start({}, {})
    places = [(head.id, head.po_id, head.warehouse, head.id in moving) for head in heads]
    rows = (await db.execute(_LINES, columns(places, "shipment_ids", "po_ids", "warehouses", "moves"))).all()
    of_shipment: dict[UUID, list[Any]] = {head.id: [] for head in heads}
    for row in rows:
        if row.shipment_id is not None:
            of_shipment[row.shipment_id].append(row)
    stock = (Stock(*row[-_STOCK:]) for row in rows if row.held_sku is not None)
    return Start(
        {head.id: _to_receive(head, of_shipment[head.id]) for head in heads},
        {(held.sku, held.warehouse): held for held in stock},
    )


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


@dataclass(frozen=True, slots=True)
class Written:
    """What became of pegs and inspections: their demands as they stand now, and {receipt line: inspection number}."""

    demands: Mapping[Line, Demand]
    numbers: Mapping[UUID, str]


async def receive(
    db: AsyncConnection,
    completed: Sequence[tuple[IncomingShipment, str]],
    rows: Sequence[ReceiptLine],
    pegs: Sequence[NewPeg],
    inspected: Mapping[UUID, UUID],
    at: datetime,
) -> Written:
    """Write completed receipts: (shipment as it stands now, who received it), and what came of each line.

    Heads, counts, receipt lines, the received figures of their purchase orders, ledger, stock, pegs, and the inspections
    of what they pegged ({receipt line: id}), which get their numbers; locks are held.
    """
    of_id = {shipment.id: (shipment.number, by) for shipment, by in completed}
    named = [(new_id(), *of_id[row.shipment_id]) for row in rows]
    counted = [(s.id, line, units) for s, _ in completed for line, (_, units) in s.lines.items()]
    to_inspect = [
        (inspected[row.id], row.id, row.sku, row.warehouse, row.pegged) for row in rows if row.id in inspected
    ]
    found = await db.execute(
        _RECEIVE,
        {
            **spread(rows, *_LINE_FIELDS),
            **columns(named, "ledger_id", "document", "actor"),
            **columns([(s.id, s.version, by) for s, by in completed], "shipment_ids", "versions", "by"),
            **columns(counted, "counted_on", "counted_lines", "counted"),
            **pegged(pegs),
            **columns(
                to_inspect, "inspection_id", "inspected_line", "inspected_sku", "inspected_in", "to_inspect"
            ),
            "at": at,
        },
    )
    after, numbers = {}, {}
    for row in found:
        if row.line_id is not None:
            demand = as_demand(row)
            after[demand.line] = demand
        if row.inspected_line is not None:
            numbers[row.inspected_line] = row.inspection_number
    return Written(after, numbers)
