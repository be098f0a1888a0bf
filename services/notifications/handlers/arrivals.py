"""Goods that arrived for somebody, and their inspections (NOTE-1)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

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
from services.notifications.domain.notice import Concern, Key, Kind
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
from .publishing import Board, publish
from .shipments import wish_ready

Claims = Sequence[tuple[Told[Any], Allotment]]


async def goods_received(tx: Tx, told: Sequence[Told[GoodsReceived]]) -> None:
    """Special-order goods came in: one inspection notice per receipt line that pegged some of them."""
    lines = [(t, line) for t in told for line in t.fact.lines]
    found = ((t, _received(t.fact, line)) for t, line in lines)
    claims = [(t, one) for t, line in lines for one in (*line.pegs, *line.fills)]
    filled = {one.order_id: t for t, line in lines for one in line.fills}
    await _take(tx, [(t, arrival) for t, arrival in found if arrival], claims, _lost(claims) | filled)


async def goods_pegged(tx: Tx, told: Sequence[Told[GoodsPegged]]) -> None:
    """A tie heard after its goods: the notice of their inspection is made, or extended by the new pegs."""
    claims = [(t, one) for t in told for one in t.fact.pegs]
    await _take(tx, [(t, _pegged(t.fact)) for t in told], claims, _lost(claims))


async def inspection_completed(tx: Tx, told: Sequence[Told[InspectionCompleted]]) -> None:
    """The notice shows what was found and closes with its inspection; one that is not raised yet will be born so."""
    newest_told = {t.fact.inspection_id: t for t in sorted(told, key=_version)}
    claims = [(t, one) for t in told for one in t.fact.allotments]
    findings = list(newest(_finding(t.fact) for t in told).values())
    news = await store.keep(
        tx.db, findings=[_kept(one) for one in findings], claims=claim_rows(one for _, one in claims)
    )
    keys = [key for subject in newest_told for key in _keys(subject)]
    seen = await _look(tx, keys, claims, _lost(claims))
    board = Board(seen.notices)
    for subject, t in newest_told.items():
        _inspect(tx, board, news.findings[subject], t)
    await _settle_claims(tx, board, seen, claims, _lost(claims))
    await publish(tx, board)


def _keys(inspection_id: UUID) -> tuple[Key, Key]:
    return (Kind.INSPECTION, inspection_id), (Kind.FAILED_INSPECTION, inspection_id)


def _inspect(tx: Tx, board: Board, finding: Finding, told: Told[InspectionCompleted]) -> None:
    inspection, failure = _keys(finding.inspection_id)
    if notice := board.before.get(inspection):
        board.put({inspection: inspected(notice, finding, tx.now)}, {inspection: told})
    if not told.fact.failed:
        return
    if notice := failed(board.before.get(failure), _failure(told.fact), tx.now, new_id):
        board.put({failure: notice}, {failure: told})


async def _take(
    tx: Tx,
    arrivals: Sequence[tuple[Told[Any], Arrival]],
    claims: Claims,
    waiting: Mapping[UUID, Told[Any]],
) -> None:
    """Units that arrived for somebody: the inspections that they want, and inventory's figures of them."""
    if not claims and not arrivals:
        return
    await store.keep(tx.db, claims=claim_rows(one for _, one in claims))
    keys: list[Key] = [(Kind.INSPECTION, arrival.inspection_id) for _, arrival in arrivals]
    seen = await _look(tx, keys, claims, waiting)
    board = Board(seen.notices)
    found = await store.load_findings(tx.db, (subject for _, subject in keys)) if seen.has_findings else {}
    for key, (t, arrival) in zip(keys, arrivals, strict=True):
        known = board.after.get(key) or board.before.get(key)
        board.put({key: arrived(known, arrival, found.get(arrival.inspection_id), tx.now, new_id)}, {key: t})
    await _settle_claims(tx, board, seen, claims, waiting)
    await publish(tx, board)


async def _look(tx: Tx, keys: Collection[Key], claims: Claims, waiting: Iterable[UUID]) -> store.Look:
    return await store.look(tx.db, keys, allotments=(one.allotment_id for _, one in claims), waiting=waiting)


def _lost(claims: Claims) -> dict[UUID, Told[Any]]:
    """The orders that units of failed."""
    return {one.order_id: t for t, one in claims if one.failed}


async def _settle_claims(
    tx: Tx, board: Board, seen: store.Look, claims: Claims, waiting: Mapping[UUID, Told[Any]]
) -> None:
    """A pending shipment that holds units of these allotments may be ready now; orders may wait, or no more."""
    if seen.has_pending:
        parcels = await store.load_pending_with(tx.db, (one.allotment_id for _, one in claims))
        wish_ready(tx, board, parcels, {one.shipment_id: claims[0][0] for one in parcels})
    if seen.has_demands:
        await settle_orders(tx, board, waiting)


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


def _kept(finding: Finding) -> dict[str, Any]:
    return {
        "inspection_id": finding.inspection_id,
        "version": finding.version,
        "passed": finding.passed,
        "failed": finding.failed,
        "closed": finding.closed,
    }


def _version(told: Told[InspectionCompleted]) -> int:
    return told.fact.version
