"""Incoming shipments, receipt lines and inspections."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from services.inventory.domain.incoming import (
    IncomingLine,
    IncomingShipment,
    IncomingState,
    ReceiptLine,
)
from services.inventory.domain.inspection import Inspection
from services.inventory.store.columns import ID, INT, QTY, TEXT, columns, next_number, spread, statement

_RECEIPTS = statement(
    """
    SELECT s.id, s.number, s.version, s.state, s.po_id, s.po_number, s.vendor, s.warehouse,
        l.po_line_id, l.expected, l.counted
    FROM incoming_shipments s LEFT JOIN incoming_lines l ON l.shipment_id = s.id WHERE s.id = ANY(:ids)
    """,
    ids=ID,
)
HEAD = f"""
        INSERT INTO incoming_shipments (id, number, version, state, po_id, po_number, vendor, warehouse, created_at)
        SELECT id, CASE number WHEN '' THEN {next_number("incoming_shipment_numbers", "IS")} ELSE number END, version,
            state, head_po, po_number, vendor, warehouse, :at
        FROM unnest(:id, :number, :version, :state, :head_po, :po_number, :vendor, :warehouse)
            AS s(id, number, version, state, head_po, po_number, vendor, warehouse)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state, vendor = excluded.vendor,
            warehouse = excluded.warehouse, po_number = excluded.po_number"""  # noqa: S608  # a constant of ours
"""Writes heads of incoming shipments; one without a number gets the next."""
NUMBERED: Mapping[str, TypeEngine[Any]] = {
    "id": ID,
    "number": TEXT,
    "version": INT,
    "state": TEXT,
    "head_po": ID,
    "po_number": TEXT,
    "vendor": TEXT,
    "warehouse": TEXT,
}
_SAVE = statement(
    f"""
    WITH head AS ({HEAD}
    )
    INSERT INTO incoming_lines (shipment_id, po_line_id, sku, warehouse, expected, counted)
    SELECT * FROM unnest(:shipment_id, :po_line_id, :sku, :line_warehouse, :expected, :counted)
    ON CONFLICT (shipment_id, po_line_id) DO UPDATE SET sku = excluded.sku, warehouse = excluded.warehouse,
        expected = excluded.expected, counted = excluded.counted
    """,  # noqa: S608  # a constant of ours
    **NUMBERED,
    shipment_id=ID,
    po_line_id=ID,
    sku=TEXT,
    line_warehouse=TEXT,
    expected=QTY,
    counted=QTY,
)
_DROP_LINES = statement(
    """
    DELETE FROM incoming_lines l USING unnest(:shipment_ids, :po_line_ids) AS gone(shipment_id, po_line_id)
    WHERE l.shipment_id = gone.shipment_id AND l.po_line_id = gone.po_line_id
    """,
    shipment_ids=ID,
    po_line_ids=ID,
)
_CLOSE_LINES = statement(
    "UPDATE incoming_lines SET open = false WHERE shipment_id = ANY(:ids) AND open", ids=ID
)
_UNPEGGED = statement(
    """
    SELECT id, shipment_id, po_id, po_line_id, sku, warehouse, expected, received, surplus, pegged FROM receipt_lines
    WHERE po_line_id = ANY(:ids) AND received > pegged ORDER BY id
    """,
    ids=ID,
)
_PEG_RECEIPT_LINES = statement(
    """
    UPDATE receipt_lines l SET pegged = l.pegged + change.qty FROM unnest(:ids, :qty) AS change(id, qty)
    WHERE l.id = change.id
    """,
    ids=ID,
    qty=QTY,
)
_INSPECTIONS = statement(
    """
    SELECT i.id, i.number, i.version, i.told, i.receipt_line_id, i.sku, i.warehouse, i.to_inspect, i.passed, i.failed,
        i.inspected_by, l.shipment_id, s.number AS receipt_number, s.po_id, s.po_number, l.po_line_id, s.vendor
    FROM inspections i JOIN receipt_lines l ON l.id = i.receipt_line_id
    JOIN incoming_shipments s ON s.id = l.shipment_id WHERE i.receipt_line_id = ANY(:ids)
    """,
    ids=ID,
)
_SAVE_INSPECTIONS = statement(
    """
    INSERT INTO inspections (id, number, version, told, receipt_line_id, sku, warehouse, to_inspect, passed, failed,
        inspected_by, created_at)
    SELECT id, number, version, told, receipt_line_id, sku, warehouse, to_inspect, passed, failed, inspected_by, :at
    FROM unnest(:id, :number, :version, :told, :receipt_line_id, :sku, :warehouse, :to_inspect, :passed, :failed,
        :inspected_by)
        AS i(id, number, version, told, receipt_line_id, sku, warehouse, to_inspect, passed, failed, inspected_by)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, told = excluded.told, to_inspect = excluded.to_inspect,
        passed = excluded.passed, failed = excluded.failed, inspected_by = excluded.inspected_by
    """,
    id=ID,
    number=TEXT,
    version=INT,
    told=INT,
    receipt_line_id=ID,
    sku=TEXT,
    warehouse=TEXT,
    to_inspect=QTY,
    passed=QTY,
    failed=QTY,
    inspected_by=TEXT,
)


def _shipments(rows: Sequence[Any]) -> dict[UUID, IncomingShipment]:
    lines: dict[UUID, dict[UUID, tuple[Decimal, Decimal | None]]] = {}
    heads: dict[UUID, Any] = {}
    for row in rows:
        heads[row.id] = row
        held = lines.setdefault(row.id, {})
        if row.po_line_id is not None:
            held[row.po_line_id] = (row.expected, row.counted)
    return {
        id_: IncomingShipment(
            id_,
            r.number,
            r.version,
            IncomingState(r.state),
            r.po_id,
            r.po_number,
            r.vendor,
            r.warehouse,
            lines[id_],
        )
        for id_, r in heads.items()
    }


def numbered(shipments: Sequence[IncomingShipment]) -> dict[str, list[Any]]:
    """The parameters of `HEAD`."""
    own = spread(shipments, "id", "number", "version", "state", "po_number", "vendor", "warehouse")
    return {**own, "head_po": [shipment.po_id for shipment in shipments]}


async def save_shipments(
    db: AsyncConnection, shipments: Sequence[IncomingShipment], lines: Sequence[IncomingLine], at: datetime
) -> None:
    """Write these shipments with these of their lines; one that has no number yet gets the next."""
    if not shipments:
        return
    own = spread(lines, "shipment_id", "po_line_id", "sku", "expected", "counted")
    places = {"line_warehouse": [line.warehouse for line in lines]}
    await db.execute(_SAVE, {**numbered(shipments), **own, **places, "at": at})


async def let_go(
    db: AsyncConnection, cancelled: Sequence[UUID], dropped: Sequence[tuple[UUID, UUID]]
) -> None:
    """The lines of cancelled shipments are no longer incoming; on dropped (shipment, PO line) nothing was counted either."""
    if cancelled:
        await db.execute(_CLOSE_LINES, {"ids": list(cancelled)})
    if dropped:
        await db.execute(_DROP_LINES, columns(dropped, "shipment_ids", "po_line_ids"))


async def receipts_of(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, IncomingShipment]:
    """These incoming shipments, not locked: a completed one changes no more."""
    return _shipments((await db.execute(_RECEIPTS, {"ids": list(ids)})).all())


async def unpegged_receipt_lines(
    db: AsyncConnection, po_line_ids: Iterable[UUID]
) -> dict[UUID, list[ReceiptLine]]:
    """Receipt lines of these PO lines with units that no tie has claimed, oldest first: {PO line: receipt lines}."""
    found: dict[UUID, list[ReceiptLine]] = {}
    for row in await db.execute(_UNPEGGED, {"ids": list(po_line_ids)}):
        found.setdefault(row.po_line_id, []).append(ReceiptLine(*row))
    return found


async def peg_receipt_lines(db: AsyncConnection, changes: Mapping[UUID, Decimal]) -> None:
    """Units of these receipt lines became somebody's, or (negative) nobody's again."""
    if changed := sorted((id_, qty) for id_, qty in changes.items() if qty):
        await db.execute(_PEG_RECEIPT_LINES, columns(changed, "ids", "qty"))


async def inspections_of(db: AsyncConnection, receipt_line_ids: Iterable[UUID]) -> dict[UUID, Inspection]:
    """The inspections of these receipt lines: {receipt line: inspection}."""
    rows = await db.execute(_INSPECTIONS, {"ids": list(receipt_line_ids)})
    return {row.receipt_line_id: Inspection(*row) for row in rows}


async def save_inspections(db: AsyncConnection, inspections: Sequence[Inspection], at: datetime) -> None:
    """Write these inspections."""
    if inspections:
        names = (
            "id",
            "number",
            "version",
            "told",
            "receipt_line_id",
            "sku",
            "warehouse",
            "to_inspect",
            "passed",
            "failed",
        )
        await db.execute(_SAVE_INSPECTIONS, {**spread(inspections, *names, "inspected_by"), "at": at})
