"""Goods that arrived for somebody, and their inspections (NOTE-1)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.notifications import store
from services.notifications.domain.inspection import Arrival, Finding, arrived, inspected, newest
from services.notifications.domain.notice import Concern, Kind, Notice
from shared.contracts.inventory import (
    Allotment,
    GoodsPegged,
    GoodsReceived,
    InspectionCompleted,
    ReceivedLine,
)
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

from .publishing import publish


async def goods_received(tx: Tx, told: Sequence[Told[GoodsReceived]]) -> None:
    """Special-order goods came in: one inspection notice per receipt line that pegged some of them."""
    found = ((t, _received(t.fact, line)) for t in told for line in t.fact.lines)
    await _arrive(tx, [(t, arrival) for t, arrival in found if arrival])


async def goods_pegged(tx: Tx, told: Sequence[Told[GoodsPegged]]) -> None:
    """A tie heard after its goods: the notice of their inspection is made, or extended by the new pegs."""
    await _arrive(tx, [(t, _pegged(t.fact)) for t in told])


async def inspection_completed(tx: Tx, told: Sequence[Told[InspectionCompleted]]) -> None:
    """The notice shows what was found and closes with its inspection; one that is not raised yet will be born so."""
    await store.lock_stream(tx.db)
    causes = {t.fact.inspection_id: t for t in sorted(told, key=_version)}
    await store.save_findings(tx.db, newest(_finding(t.fact) for t in told).values())
    found = await store.load_findings(tx.db, causes)
    before = await store.load_notices(tx.db, Kind.INSPECTION, causes)
    after = {subject: inspected(notice, found[subject], tx.now) for subject, notice in before.items()}
    await publish(tx, before, after, causes)


async def _arrive(tx: Tx, arrivals: Sequence[tuple[Told[Any], Arrival]]) -> None:
    if not arrivals:
        return
    await store.lock_stream(tx.db)
    causes = {arrival.inspection_id: t for t, arrival in arrivals}
    before = await store.load_notices(tx.db, Kind.INSPECTION, causes)
    found = await store.load_findings(tx.db, causes)
    after: dict[UUID, Notice] = {}
    for _, arrival in arrivals:
        subject = arrival.inspection_id
        known = after.get(subject) or before.get(subject)
        after[subject] = arrived(known, arrival, found.get(subject), tx.now, new_id)
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
