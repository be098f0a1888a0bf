"""Ties heard after their goods (design, section 2): GoodsPegged for what is still free, TieMissed for the rest."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.demand import Key
from services.inventory.domain.incoming import PoLine, ReceiptLine
from services.inventory.domain.inspection import Inspection
from services.inventory.domain.late_tie import Late, late
from services.inventory.domain.receiving import OpenTie
from services.inventory.domain.stock import Move, total
from services.inventory.handlers import inspections, telling
from services.inventory.handlers.pegs import NewPeg, peg
from services.inventory.store import incoming
from services.inventory.store import purchase_orders as pos
from services.inventory.store import stock as stock_rows
from shared.contracts import inventory as facts
from shared.decimals import ZERO
from shared.ids import new_id
from shared.unit_of_work import Told, Tx


async def serve_late_ties(tx: Tx, lines: Mapping[UUID, PoLine], heard: Mapping[UUID, Told[Any]]) -> None:
    """Peg, or give up, what ties wait for beyond what their PO line can still bring."""
    received = {id_: line for id_, line in lines.items() if line.received > 0}
    sources = await incoming.unpegged_receipt_lines(tx.db, received)
    keys = {source.key for found in sources.values() for source in found}
    stock = await stock_rows.lock_stock(tx.db, keys)
    free = {key: row.available for key, row in stock.items()}
    sources = await incoming.unpegged_receipt_lines(tx.db, received)
    ties = await _late_lines(tx, received)
    outcome = {
        id_: _serve(received[id_], own, sources.get(id_, []), free) for id_, own in sorted(ties.items())
    }

    new = [peg for id_, found in outcome.items() for peg in _from_receipts(found, sources.get(id_, []))]
    await _peg(tx, new, {id_: line for id_, line in received.items() if id_ in outcome}, heard)
    await _miss(tx, outcome, received, heard)


async def _late_lines(tx: Tx, lines: Mapping[UUID, PoLine]) -> dict[UUID, list[OpenTie]]:
    """PO lines whose ties wait for more than is outstanding: {PO line: its open ties}."""
    found: dict[UUID, list[OpenTie]] = {}
    for tie in await pos.open_ties(tx.db, lines):
        if tie.open > 0:
            found.setdefault(tie.po_line_id, []).append(tie)
    return {id_: own for id_, own in found.items() if sum(tie.open for tie in own) > lines[id_].outstanding}


def _serve(
    line: PoLine, ties: Sequence[OpenTie], sources: Sequence[ReceiptLine], free: dict[Key, Decimal]
) -> Late:
    """Serve one PO line; `free` falls by what was pegged. All receipts of a line went to one warehouse."""
    untied = sum((source.received - source.pegged for source in sources), ZERO)
    available = free[sources[0].key] if sources else ZERO
    served = late(ties, line.outstanding, untied, available)
    if sources:
        free[sources[0].key] -= sum((p.qty for p in served.pegs), ZERO)
    return served


def _from_receipts(served: Late, sources: Sequence[ReceiptLine]) -> list[NewPeg]:
    """Which receipt line each late peg is born from: the oldest that still has units of nobody's."""
    left = {source.id: source.received - source.pegged for source in sources}
    found = []
    for wanted in served.pegs:
        qty = wanted.qty
        for source in sources:
            units = min(qty, left[source.id])
            if units > 0:
                found.append(NewPeg(wanted.tie, source, units))
                left[source.id] -= units
                qty -= units
    return found


async def _peg(
    tx: Tx, new: Sequence[NewPeg], lines: Mapping[UUID, PoLine], heard: Mapping[UUID, Told[Any]]
) -> None:
    if not new:
        return
    pegged = await peg(tx, new, "late tie", heard[new[0].receipt_line.po_id])
    await stock_rows.move_stock(tx.db, total((n.receipt_line.key, Move(pegged=n.qty)) for n in new))
    changes: dict[UUID, Decimal] = {}
    for n in new:
        changes[n.receipt_line.id] = changes.get(n.receipt_line.id, ZERO) + n.qty
    await incoming.peg_receipt_lines(tx.db, changes)
    sources = {n.receipt_line.id: n.receipt_line for n in new}
    receipts = await incoming.receipts_of(tx.db, {source.shipment_id for source in sources.values()})
    origins = {
        id_: Inspection(
            new_id(), "", 1, 0, id_, source.sku, source.warehouse, ZERO, ZERO, ZERO, None, source.shipment_id,
            receipts[source.shipment_id].number, source.po_id, receipts[source.shipment_id].po_number, source.po_line_id,
            receipts[source.shipment_id].vendor,
        )
        for id_, source in sources.items()
    }  # fmt: skip
    opened = await inspections.open_inspections(tx, pegged.allotments, origins)
    for id_, inspection in opened.items():
        line = lines[inspection.po_line_id]
        for part in telling.in_parts([telling.claim(p, pegged.demands[p.line]) for p in pegged.of(id_)]):
            tx.announce(_goods_pegged(inspection, line, part), heard[inspection.po_id])


def _goods_pegged(inspection: Inspection, line: PoLine, pegs: Sequence[facts.Allotment]) -> facts.GoodsPegged:
    return facts.GoodsPegged(
        receipt_id=inspection.receipt_id,
        receipt_number=inspection.receipt_number,
        receipt_line_id=inspection.receipt_line_id,
        po_id=inspection.po_id,
        po_number=inspection.po_number,
        po_line_id=inspection.po_line_id,
        vendor=inspection.vendor,
        sku=inspection.sku,
        description=line.description,
        unit=line.unit,
        warehouse=inspection.warehouse,
        inspection_id=inspection.id,
        # what was told of it so far did not know these pegs; only a later completion can cover them
        inspection_version=inspection.told + 1,
        pegs=list(pegs),
    )


async def _miss(
    tx: Tx, outcome: Mapping[UUID, Late], lines: Mapping[UUID, PoLine], heard: Mapping[UUID, Told[Any]]
) -> None:
    missed = {m.tie.tie_id: m for found in outcome.values() for m in found.missed}
    if not missed:
        return
    figures = await pos.miss_ties(tx.db, {id_: m.qty for id_, m in missed.items()})
    for id_, figure in sorted(figures.items()):
        tie = missed[id_].tie
        po_id = lines[tie.po_line_id].po_id
        tx.record(
            "tie", id_, "missed", None, {"missed": figure, "order": tie.order_number}, because=heard[po_id]
        )
        tx.announce(
            facts.TieMissed(
                tie_id=id_,
                po_id=po_id,
                po_line_id=tie.po_line_id,
                order_id=tie.order_id,
                line_id=tie.line_id,
                component=tie.component,
                missed=figure,
            ),
            heard[po_id],
        )
