"""Inspections (SO-9): one per receipt line that pegged; rounds of passed and failed units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Line
from services.inventory.domain.inspection import Inspection, Verdict, inspect, inspection_figures
from services.inventory.domain.stock import Move, total
from services.inventory.handlers import telling
from services.inventory.handlers.allotment import allot_and_tell
from services.inventory.store import allotments as claims
from services.inventory.store import demand as demands
from services.inventory.store import incoming
from services.inventory.store import stock as stock_rows
from shared.contracts import inventory as facts
from shared.decimals import ZERO
from shared.errors import NotFound
from shared.schema import next_numbers
from shared.unit_of_work import Tx


class NoSuchInspection(NotFound):
    """There is no such inspection in the caller's warehouses."""


async def complete_inspection(
    tx: Tx, inspection_id: UUID, passed: Decimal, failed: Decimal, reason: str | None
) -> Inspection:
    """One round: what passed may be picked, what failed is quarantined and its need reopens by itself (SO-9)."""
    receipt_line, warehouse = await stock_rows.lock_stock_of_inspection(tx.db, inspection_id) or (None, "")
    if receipt_line is None or not tx.scope.allows(warehouse):
        raise NoSuchInspection("There is no such inspection in your warehouses")
    before = (await incoming.inspections_of(tx.db, [receipt_line]))[receipt_line]
    pegs = (await claims.pegs_of_receipt_lines(tx.db, [receipt_line])).get(receipt_line, [])
    wanting = await demands.demands_of_lines(tx.db, {peg.line for peg in pegs})
    verdicts = inspect(before.number, pegs, {line: d.rank for line, d in wanting.items()}, passed, failed)

    judged = [
        replace(v.allotment, passed=v.allotment.passed + v.passed, failed=v.allotment.failed + v.failed)
        for v in verdicts
    ]
    await claims.save_allotments(tx.db, judged)
    await stock_rows.move_stock(tx.db, total([(before.key, Move(pegged=-failed, quarantined=failed))]))
    current = {**wanting, **await _reopen(tx, verdicts, reason)}
    newest = {**{peg.id: peg for peg in pegs}, **{own.id: own for own in judged}}
    after = _after(before, before.passed + passed, before.failed + failed, list(newest.values()), tx.actor)
    parts = list(telling.in_parts([telling.claim(own, current[own.line]) for own in judged]))
    after = replace(after, told=before.told + len(parts))
    await incoming.save_inspections(tx.db, [after], tx.now)

    _log(tx, "inspected", before, after, reason)
    for told, part in enumerate(parts, before.told + 1):
        tx.announce(_completed(replace(after, told=told), part, tx.actor, reason))
    if failed:
        await allot_and_tell(tx, [before.key], "inspection")
    return after


async def _reopen(tx: Tx, verdicts: Iterable[Verdict], reason: str | None) -> dict[Line, Demand]:
    """What failed is not granted any more; the lines come back as they stand now."""
    lost: dict[Line, tuple[Decimal, Decimal]] = {}
    for verdict in verdicts:
        if verdict.failed:
            held, _ = lost.get(verdict.allotment.line, (ZERO, ZERO))
            lost[verdict.allotment.line] = held - verdict.failed, ZERO
    after = await demands.change_demands(tx.db, lost)
    for line, change in lost.items():
        telling.log_figures(tx, after[line], change, "failed inspection", reason=reason)
    return after


def _after(
    before: Inspection, passed: Decimal, failed: Decimal, pegs: Sequence[Allotment], actor: str | None
) -> Inspection:
    figures = inspection_figures(passed, failed, pegs)
    return replace(
        before,
        version=before.version + 1,
        to_inspect=figures.to_inspect,
        passed=figures.passed,
        failed=figures.failed,
        inspected_by=actor,
    )


async def settle_inspections(tx: Tx, receipt_line_ids: Iterable[UUID]) -> None:
    """Bring the inspections of these receipt lines in line with their pegs; one with nothing left to inspect closes.

    Units that were withdrawn or went back before anybody looked are nobody's to inspect any more, and the notice of
    an inspection has to close with it (NOTE-1).
    """
    wanted = set(receipt_line_ids)
    if not wanted:
        return
    before = await incoming.inspections_of(tx.db, wanted)
    pegs = await claims.pegs_of_receipt_lines(tx.db, wanted)
    changed = [(was, _left_over(was, pegs.get(line, []))) for line, was in before.items()]
    changed = [(was, now) for was, now in changed if now != was]
    await incoming.save_inspections(tx.db, [now for _, now in changed], tx.now)
    for was, now in changed:
        _log(tx, "changed", was, now, "units left the peg")
        if now.told > was.told:
            tx.announce(_completed(now, [], tx.actor, "nothing is left to inspect"))


def _left_over(was: Inspection, pegs: Sequence[Allotment]) -> Inspection:
    """The inspection with what its pegs still have to show; that it closes by this is told."""
    now = _after(was, was.passed, was.failed, pegs, was.inspected_by)
    if now.to_inspect == was.to_inspect:
        return was
    closes = now.figures.is_closed and not was.figures.is_closed
    return replace(now, told=was.told + 1) if closes else now


async def open_inspections(
    tx: Tx, pegs: Sequence[Allotment], origins: Mapping[UUID, Inspection]
) -> dict[UUID, Inspection]:
    """An inspection for each receipt line that these new pegs were born from: {receipt line: inspection}.

    `origins` holds, per receipt line, an inspection that says where the goods came from; an inspection that exists is
    extended, and reopened if it was closed.
    """
    return await _open(tx, pegs, origins, await incoming.inspections_of(tx.db, origins))


async def open_first_inspections(
    tx: Tx, pegs: Sequence[Allotment], origins: Mapping[UUID, Inspection]
) -> dict[UUID, Inspection]:
    """The same for the lines of a receipt, which are new: none of them can have an inspection yet."""
    return await _open(tx, pegs, origins, {}) if origins else {}


async def _open(
    tx: Tx,
    pegs: Sequence[Allotment],
    origins: Mapping[UUID, Inspection],
    existing: Mapping[UUID, Inspection],
) -> dict[UUID, Inspection]:
    numbers = iter(
        await next_numbers(tx.db, "inspection_numbers", "IN", len(origins.keys() - existing.keys()))
    )
    added = {line: sum((p.uninspected for p in pegs if p.receipt_line_id == line), ZERO) for line in origins}
    saved = {}
    for line, fresh in origins.items():
        if was := existing.get(line):
            saved[line] = replace(was, version=was.version + 1, to_inspect=was.to_inspect + added[line])
            _log(tx, "extended", was, saved[line], "a late tie")
        else:
            saved[line] = replace(fresh, number=next(numbers), to_inspect=added[line])
            tx.record("inspection", saved[line].id, "opened", None, _figures(saved[line]))
    await incoming.save_inspections(tx.db, list(saved.values()), tx.now)
    return saved


def _figures(inspection: Inspection) -> dict[str, Any]:
    return {"to_inspect": inspection.to_inspect, "passed": inspection.passed, "failed": inspection.failed}


def _log(tx: Tx, action: str, before: Inspection, after: Inspection, reason: str | None) -> None:
    tx.record("inspection", after.id, action, _figures(before), _figures(after), reason=reason)


def _completed(
    inspection: Inspection, judged: Sequence[facts.Allotment], actor: str, reason: str | None
) -> facts.InspectionCompleted:
    """A round; one that judged more allotments than a fact can carry is told in several, each a version of its own."""
    return facts.InspectionCompleted(
        inspection_id=inspection.id,
        version=inspection.told,
        receipt_id=inspection.receipt_id,
        receipt_number=inspection.receipt_number,
        receipt_line_id=inspection.receipt_line_id,
        po_id=inspection.po_id,
        po_number=inspection.po_number,
        po_line_id=inspection.po_line_id,
        vendor=inspection.vendor,
        sku=inspection.sku,
        warehouse=inspection.warehouse,
        to_inspect=inspection.to_inspect,
        passed=inspection.passed,
        failed=inspection.failed,
        closed=inspection.figures.is_closed,
        inspected_by=actor,
        reason=reason,
        allotments=list(judged),
    )
