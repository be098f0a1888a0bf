"""A receipt (SO-6, SO-8, SO-16): counted goods become pegs, fills and free stock in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.adjustment import must_be_stock
from services.inventory.domain.claim import Allotment
from services.inventory.domain.incoming import (
    IncomingLine,
    IncomingShipment,
    IncomingState,
    PoLine,
    ReceiptLine,
    advance,
    must_be_receivable,
)
from services.inventory.domain.inspection import Inspection
from services.inventory.domain.preferences import Preferences
from services.inventory.domain.receiving import (
    Counted,
    Divided,
    LineOutcome,
    Receipt,
    counts,
    divide,
    must_have_counted,
)
from services.inventory.domain.stock import Entry, LedgerKind, Move, total
from services.inventory.handlers import inspections
from services.inventory.handlers.allotment import allot, tell_grants
from services.inventory.handlers.pegs import NewPeg, Pegged, peg
from services.inventory.handlers.purchase_orders import expect
from services.inventory.handlers.receipt_telling import tell_receipt
from services.inventory.store import incoming
from services.inventory.store import purchase_orders as pos
from services.inventory.store import stock as stock_rows
from services.inventory.store.incoming import ToReceive
from services.inventory.store.queue import Grant
from shared.decimals import ZERO
from shared.errors import NotFound, Stale
from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Tx


class NoSuchIncomingShipment(NotFound):
    """There is no such incoming shipment in the caller's warehouses."""


class IncomingShipmentChanged(Stale):
    """The incoming shipment has moved on since it was read."""


async def receive(
    tx: Tx, shipment_id: UUID, version: int, counted: Sequence[tuple[UUID | int, Decimal]], complete: bool
) -> Receipt:
    """Receive an incoming shipment as it was counted; only a complete one moves stock (SO-16).

    With `complete` false the counts are kept and the shipment is `receiving`.
    """
    found = await incoming.lock_for_receipt(tx.db, shipment_id)
    if found is None or not tx.scope.allows(found.shipment.warehouse):
        raise NoSuchIncomingShipment("There is no such incoming shipment in your warehouses")
    shipment, lines = found.shipment, found.lines
    _must_be_current(found, version)
    numbered = {lines[line].line_no: line for line in shipment.lines}
    saved = {line: units for line, (_, units) in shipment.lines.items()}
    counts_now = counts(shipment.number, numbered, saved, counted)
    for line, qty in counts_now.items():
        if lines[line].sku in found.units:
            must_be_stock(found.units[lines[line].sku], qty)
    if not complete:
        return Receipt(await _keep_counts(tx, shipment, lines, counts_now), (), {})
    must_have_counted(shipment.number, counts_now)
    return await _complete(tx, found, counts_now)


def _must_be_current(found: ToReceive, version: int) -> None:
    """Nothing has moved on since the caller looked, and the purchase order is open (SO-16)."""
    shipment = found.shipment
    advance(shipment.number, shipment.state, IncomingState.COMPLETE)
    if shipment.version != version:
        raise IncomingShipmentChanged(
            f"{shipment.number} has changed since you read it; read it again",
            current=shipment.version,
            given=version,
        )
    must_be_receivable(found.order.number, found.order.state)


async def _keep_counts(
    tx: Tx, shipment: IncomingShipment, lines: Mapping[UUID, PoLine], found: Mapping[UUID, Decimal]
) -> IncomingShipment:
    after = replace(
        shipment,
        version=shipment.version + 1,
        state=advance(shipment.number, shipment.state, IncomingState.RECEIVING),
        lines={line: (expected, found[line]) for line, (expected, _) in shipment.lines.items()},
    )
    await incoming.save_shipments(tx.db, [after], tx.now)
    await incoming.save_lines(tx.db, _rows(after, lines))
    tx.record("incoming-shipment", shipment.id, "counted", _counts(shipment), _counts(after))
    return after


def _rows(shipment: IncomingShipment, lines: Mapping[UUID, PoLine]) -> list[IncomingLine]:
    return [
        IncomingLine(shipment.id, line, lines[line].sku, shipment.warehouse, expected, counted)
        for line, (expected, counted) in shipment.lines.items()
    ]


def _counts(shipment: IncomingShipment) -> dict[str, Any]:
    return {
        "state": shipment.state,
        "counted": {str(line): counted for line, (_, counted) in shipment.lines.items()},
    }


async def _complete(tx: Tx, start: ToReceive, found: Mapping[UUID, Decimal]) -> Receipt:
    shipment, lines = start.shipment, start.lines
    came = sorted((line for line, qty in found.items() if qty), key=lambda line: lines[line].line_no)
    keys = {(lines[line].sku, shipment.warehouse) for line in came}
    await stock_rows.lock_stock(tx.db, keys)
    ties = await pos.open_ties(tx.db, came)
    wish = (await preferences(tx, Preferences)).over_receipt
    divided = divide([Counted(line, shipment.lines[line][0], found[line]) for line in came], ties, wish)
    rows = [_receipt_line(shipment, lines[d.counted.po_line_id], d) for d in divided]

    after = await _write_head(tx, shipment, found)
    await incoming.add_receipt_lines(tx.db, rows, tx.now)
    await _move(tx, shipment, rows)
    new = [NewPeg(p.tie, row, p.qty) for row, d in zip(rows, divided, strict=True) for p in d.pegs]
    pegged = await peg(tx, new, "receipt", is_receipt=True)
    opened = await inspections.open_first_inspections(tx, pegged.allotments, _origins(after, rows, pegged))
    grants = await allot(tx, keys, "receipt") if any(row.received > row.pegged for row in rows) else []
    received = {
        id_: replace(line, received=line.received + found.get(id_, ZERO)) for id_, line in lines.items()
    }
    await expect(tx, start.order, received)

    outcomes, others = _outcomes(rows, divided, lines, pegged, opened, grants)
    receipt = Receipt(
        after, outcomes, {**pegged.demands, **{grant.demand.line: grant.demand for grant in grants}}
    )
    tell_receipt(tx, receipt)
    tell_grants(tx, others, "receipt")
    return receipt


def _receipt_line(shipment: IncomingShipment, line: PoLine, divided: Divided) -> ReceiptLine:
    counted = divided.counted
    return ReceiptLine(
        id=new_id(),
        shipment_id=shipment.id,
        po_id=shipment.po_id,
        po_line_id=line.po_line_id,
        sku=line.sku,
        warehouse=shipment.warehouse,
        expected=counted.expected,
        received=counted.received,
        surplus=divided.surplus,
        pegged=divided.pegged,
    )


async def _write_head(tx: Tx, shipment: IncomingShipment, found: Mapping[UUID, Decimal]) -> IncomingShipment:
    after = replace(
        shipment,
        version=shipment.version + 1,
        state=IncomingState.COMPLETE,
        lines={line: (expected, found[line]) for line, (expected, _) in shipment.lines.items()},
    )
    await incoming.complete_shipment(tx.db, after, tx.actor, tx.now)
    tx.record("incoming-shipment", shipment.id, "completed", _counts(shipment), _counts(after))
    return after


async def _move(tx: Tx, shipment: IncomingShipment, rows: Sequence[ReceiptLine]) -> None:
    entries = [
        Entry(row.key, row.received, LedgerKind.RECEIPT, str(row.id), shipment.number, tx.actor)
        for row in rows
    ]
    await stock_rows.book(tx.db, entries, tx.now)
    await stock_rows.move_stock(
        tx.db, total((row.key, Move(on_hand=row.received, pegged=row.pegged)) for row in rows)
    )


def _origins(
    shipment: IncomingShipment, rows: Sequence[ReceiptLine], pegged: Pegged
) -> dict[UUID, Inspection]:
    """For each receipt line that pegged: an inspection of its goods, still without number and quantity."""
    return {
        row.id: Inspection(
            new_id(), "", 1, 0, row.id, row.sku, row.warehouse, ZERO, ZERO, ZERO, None, shipment.id, shipment.number,
            shipment.po_id, shipment.po_number, row.po_line_id, shipment.vendor,
        )
        for row in rows if pegged.of(row.id)
    }  # fmt: skip


def _outcomes(
    rows: Sequence[ReceiptLine],
    divided: Sequence[Divided],
    lines: Mapping[UUID, PoLine],
    pegged: Pegged,
    opened: Mapping[UUID, Inspection],
    grants: Sequence[Grant],
) -> tuple[list[LineOutcome], list[Grant]]:
    """What became of each line, and the grants that came from units that were free before this receipt."""
    left = {row.id: row.received - row.pegged for row in rows}
    fills: dict[UUID, list[Allotment]] = {row.id: [] for row in rows}
    others = []
    for grant in grants:
        taken = _draw(grant.allotment, [row for row in rows if row.key == grant.allotment.key], left)
        if taken is None:
            others.append(grant)
        else:
            fills[taken].append(grant.allotment)
    outcomes = [
        LineOutcome(
            row, lines[row.po_line_id], d, pegged.of(row.id), fills[row.id], left[row.id], opened.get(row.id)
        )
        for row, d in zip(rows, divided, strict=True)
    ]
    return outcomes, others


def _draw(fill: Allotment, rows: Sequence[ReceiptLine], left: dict[UUID, Decimal]) -> UUID | None:
    """Take a fill from the free units of the receipt lines of its item, in order; it is told with the first of them.

    Units of one item are alike, so a fill may reach over two lines: the sums per item agree. None: nothing was left.
    """
    first, qty = None, fill.qty
    for row in rows:
        units = min(qty, left[row.id])
        if units > 0:
            left[row.id] -= units
            qty -= units
            first = first or row.id
    return first
