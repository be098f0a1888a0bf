"""Goods that arrived for somebody, and their inspections (NOTE-1)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.notifications import store
from services.notifications.domain.inspection import (
    Arrival,
    Failure,
    Finding,
    arrived,
    failed,
    inspected,
    newest,
)
from services.notifications.domain.notice import Concern, Key, Kind, Notice
from shared.contracts.inventory import (
    Allotment,
    GoodsPegged,
    GoodsReceived,
    InspectionCompleted,
    ReceivedLine,
)
from shared.decimals import ZERO
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

from .backorders import claim_rows, settle_orders
from .publishing import publish
from .shipments import settle_ready


async def goods_received(tx: Tx, told: Sequence[Told[GoodsReceived]]) -> None:
    """Special-order goods came in: one inspection notice per receipt line that pegged some of them."""
    await store.lock_stream(tx.db)
    found = ((t, _received(t.fact, line)) for t in told for line in t.fact.lines)
    await _arrive(tx, [(t, arrival) for t, arrival in found if arrival])
    lines = [(t, line) for t in told for line in t.fact.lines]
    await _take_claims(tx, [(t, one) for t, line in lines for one in (*line.pegs, *line.fills)])
    await settle_orders(tx, {one.order_id: t for t, line in lines for one in line.fills})


async def goods_pegged(tx: Tx, told: Sequence[Told[GoodsPegged]]) -> None:
    """A tie heard after its goods: the notice of their inspection is made, or extended by the new pegs."""
    await store.lock_stream(tx.db)
    await _arrive(tx, [(t, _pegged(t.fact)) for t in told])
    await _take_claims(tx, [(t, one) for t in told for one in t.fact.pegs])


async def inspection_completed(tx: Tx, told: Sequence[Told[InspectionCompleted]]) -> None:
    """The notice shows what was found and closes with its inspection; one that is not raised yet will be born so."""
    await store.lock_stream(tx.db)
    newest_told = {t.fact.inspection_id: t for t in sorted(told, key=_version)}
    found = await store.save_findings(tx.db, newest(_finding(t.fact) for t in told).values())
    before = await store.load_notices(tx.db, [Kind.INSPECTION, Kind.FAILED_INSPECTION], newest_told)
    after: dict[Key, Notice] = {
        key: inspected(notice, found[key[1]], tx.now)
        for key, notice in before.items()
        if notice.kind is Kind.INSPECTION
    }
    for subject, t in newest_told.items():
        key = Kind.FAILED_INSPECTION, subject
        if notice := failed(before.get(key), _failure(t.fact), tx.now, new_id):
            after[key] = notice
    await publish(tx, before, after, {key: newest_told[key[1]] for key in after})
    await _take_claims(tx, [(t, one) for t in told for one in t.fact.allotments])


async def _take_claims(tx: Tx, told: Sequence[tuple[Told[Any], Allotment]]) -> None:
    """Inventory's figures of allotments; a pending shipment that holds units of them may be ready now."""
    if not told:
        return
    await store.keep_claims(tx.db, claim_rows(one for _, one in told))
    causes = {one.allotment_id: t for t, one in told}
    shipments = await store.pending_with(tx.db, causes)
    await settle_ready(tx, dict.fromkeys(shipments, told[0][0]))
    lost = {one.order_id: t for t, one in told if one.failed}
    await settle_orders(tx, lost)


async def _arrive(tx: Tx, arrivals: Sequence[tuple[Told[Any], Arrival]]) -> None:
    if not arrivals:
        return
    kind = Kind.INSPECTION
    causes: dict[Key, Told[Any]] = {(kind, arrival.inspection_id): t for t, arrival in arrivals}
    subjects = [arrival.inspection_id for _, arrival in arrivals]
    before = await store.load_notices(tx.db, [kind], subjects)
    found = await store.load_findings(tx.db, subjects)
    after: dict[Key, Notice] = {}
    for _, arrival in arrivals:
        key = kind, arrival.inspection_id
        known = after.get(key) or before.get(key)
        after[key] = arrived(known, arrival, found.get(arrival.inspection_id), tx.now, new_id)
    await publish(tx, before, after, causes)


def _received(fact: GoodsReceived, line: ReceivedLine) -> Arrival | None:
    """None for a line that nobody had ordered: it wants no inspection notice."""
    if line.inspection_id is None or not line.pegs:
        return None
    return Arrival(
        inspection_id=line.inspection_id,
        inspection_version=0,
        warehouse=fact.warehouse,
        sku=line.sku,
        description=line.description,
        unit=line.unit,
        vendor=fact.vendor,
        po_id=fact.po_id,
        po_number=fact.po_number,
        receipt_id=fact.receipt_id,
        receipt_number=fact.receipt_number,
        receipt_line_id=line.receipt_line_id,
        concerns=tuple(_concern(peg) for peg in line.pegs),
    )


def _pegged(fact: GoodsPegged) -> Arrival:
    return Arrival(
        inspection_id=fact.inspection_id,
        inspection_version=fact.inspection_version,
        warehouse=fact.warehouse,
        sku=fact.sku,
        description=fact.description,
        unit=fact.unit,
        vendor=fact.vendor,
        po_id=fact.po_id,
        po_number=fact.po_number,
        receipt_id=fact.receipt_id,
        receipt_number=fact.receipt_number,
        receipt_line_id=fact.receipt_line_id,
        concerns=tuple(_concern(peg) for peg in fact.pegs),
    )


def _failure(fact: InspectionCompleted) -> Failure:
    concerns = (replace(_concern(one), qty=one.failed) for one in fact.allotments if one.failed > ZERO)
    arrival = Arrival(
        inspection_id=fact.inspection_id,
        inspection_version=fact.version,
        warehouse=fact.warehouse,
        sku=fact.sku,
        description="",
        unit="",
        vendor=fact.vendor,
        po_id=fact.po_id,
        po_number=fact.po_number,
        receipt_id=fact.receipt_id,
        receipt_number=fact.receipt_number,
        receipt_line_id=fact.receipt_line_id,
        concerns=tuple(concerns),
    )
    return Failure(arrival, fact.failed, fact.passed, fact.reason)


def _concern(peg: Allotment) -> Concern:
    return Concern(
        key=peg.allotment_id,
        order_id=peg.order_id,
        order_number=peg.order_number,
        line_id=peg.line_id,
        line_no=peg.line_no,
        component=peg.component,
        qty=peg.qty,
    )


def _finding(fact: InspectionCompleted) -> Finding:
    return Finding(fact.inspection_id, fact.version, fact.passed, fact.failed, fact.closed)


def _version(told: Told[InspectionCompleted]) -> int:
    return told.fact.version
