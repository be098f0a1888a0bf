"""Inspections (SO-9): one per receipt line that pegged; rounds of passed and failed units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Key, Line
from services.inventory.domain.inspection import (
    Inspection,
    InspectionFigures,
    Round,
    Verdict,
    inspect,
    inspection_figures,
)
from services.inventory.domain.stock import Move, total
from services.inventory.handlers import telling
from services.inventory.handlers.allotment import allot_and_tell
from services.inventory.handlers.replenishment import replenish_keys
from services.inventory.store import allotments as claims
from services.inventory.store import demand as demands
from services.inventory.store import incoming
from services.inventory.store import stock as stock_rows
from services.inventory.store.inspections import ToInspect, judge, lock_inspections
from shared.contracts import inventory as facts
from shared.decimals import ZERO
from shared.errors import NotFound, TielineError
from shared.schema import next_numbers
from shared.unit_of_work import Tx


class NoSuchInspection(NotFound):
    """There is no such inspection in the caller's warehouses."""


async def complete_inspection(
    tx: Tx, inspection_id: UUID, passed: Decimal, failed: Decimal, reason: str | None
) -> Inspection:
    """One round: what passed may be picked, what failed is quarantined and its need reopens by itself (SO-9)."""
    (outcome,) = await complete_inspections(tx, [Round(inspection_id, passed, failed, reason)])
    if isinstance(outcome, TielineError):
        raise outcome
    return outcome


async def complete_inspections(tx: Tx, rounds: Sequence[Round]) -> list[Inspection | TielineError]:
    """Many rounds, each with its inspection after it or its refusal; a refused one hinders no other.

    Rounds of one inspection follow each other: each is judged by what the ones before it have left.
    """
    start = await lock_inspections(tx.db, {wish.inspection_id for wish in rounds})
    done = _Done(start)
    outcomes: list[Inspection | TielineError] = []
    for own, wish in zip(tx.each(len(rounds)), rounds, strict=True):
        try:
            outcomes.append(_inspect(own, done, wish))
        except TielineError as refusal:
            outcomes.append(refusal)
    await judge(tx.db, done.judged, [start.inspections[id_] for id_ in sorted(done.inspected)])
    if done.failed:
        moves = ((key, Move(pegged=-qty, quarantined=qty)) for key, qty, _ in done.failed)
        await stock_rows.move_stock(tx.db, total(moves))
        await demands.change_demands(tx.db, done.lost)
        callers = {key: own for key, _, own in reversed(done.failed)}
        await allot_and_tell(done.failed[0][2], callers, "inspection", tellers=callers)
        await replenish_keys(done.failed[0][2], set(callers))
    return outcomes


@dataclass(slots=True, eq=False)
class _Done:
    """How far the rounds of a list have got; `start` moves on with them."""

    start: ToInspect
    judged: dict[UUID, Allotment] = field(default_factory=dict)
    inspected: set[UUID] = field(default_factory=set)
    failed: list[tuple[Key, Decimal, Tx]] = field(default_factory=list)
    """What was quarantined of which stock, and in whose name."""
    lost: dict[Line, tuple[Decimal, Decimal]] = field(default_factory=dict)


def _inspect(tx: Tx, done: _Done, wish: Round) -> Inspection:
    """One round, or its refusal."""
    start = done.start
    before = start.inspections.get(wish.inspection_id)
    if before is None or not tx.scope.allows(before.warehouse):
        raise NoSuchInspection("There is no such inspection in your warehouses")
    pegs = start.pegs.get(before.receipt_line_id, {})
    ranks = {peg.line: start.demands[peg.line].rank for peg in pegs.values()}
    verdicts = inspect(before.number, list(pegs.values()), ranks, wish.passed, wish.failed)
    judged = {
        v.allotment.id: replace(
            v.allotment, passed=v.allotment.passed + v.passed, failed=v.allotment.failed + v.failed
        )
        for v in verdicts
    }
    pegs |= judged
    _reopen(tx, done, verdicts, wish.reason)
    claims_judged = [telling.claim(own, start.demands[own.line]) for own in judged.values()]
    parts = list(telling.in_parts(claims_judged))
    figures = inspection_figures(before.passed + wish.passed, before.failed + wish.failed, pegs.values())
    after = _after(before, figures, tx.actor, told=len(parts))
    for n, part in enumerate(parts, before.told + 1):
        tx.announce(_completed(after, n, part, tx.actor, wish.reason))
    _log(tx, "inspected", before, after, wish.reason)
    done.judged |= judged
    done.inspected.add(after.id)
    start.inspections[after.id] = after
    if wish.failed:
        done.failed.append((after.key, wish.failed, tx))
    return after


def _reopen(tx: Tx, done: _Done, verdicts: Iterable[Verdict], reason: str | None) -> None:
    """What failed is not granted any more."""
    lost: dict[Line, Decimal] = {}
    for verdict in verdicts:
        if verdict.failed:
            lost[verdict.allotment.line] = lost.get(verdict.allotment.line, ZERO) - verdict.failed
    for line, units in lost.items():
        demand = done.start.demands[line]
        after = done.start.demands[line] = replace(demand, granted=demand.granted + units)
        done.lost[line] = done.lost.get(line, (ZERO, ZERO))[0] + units, ZERO
        telling.log_figures(tx, after, (units, ZERO), "failed inspection", reason=reason)


def _after(before: Inspection, figures: InspectionFigures, actor: str | None, *, told: int = 0) -> Inspection:
    """The next version of an inspection; `told` facts more are told of it."""
    return replace(
        before,
        version=before.version + 1,
        told=before.told + told,
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
            tx.announce(_completed(now, now.told, [], tx.actor, "nothing is left to inspect"))


def _left_over(was: Inspection, pegs: Sequence[Allotment]) -> Inspection:
    """The inspection with what its pegs still have to show; that it closes by this is told."""
    figures = inspection_figures(was.passed, was.failed, pegs)
    if figures.to_inspect == was.to_inspect:
        return was
    closes = figures.is_closed and not was.figures.is_closed
    return _after(was, figures, was.inspected_by, told=1 if closes else 0)


async def open_inspections(
    tx: Tx, pegs: Sequence[Allotment], origins: Mapping[UUID, Inspection]
) -> dict[UUID, Inspection]:
    """An inspection for each receipt line that these new pegs were born from: {receipt line: inspection}.

    `origins` holds, per receipt line, an inspection that says where the goods came from; an inspection that exists is
    extended, and reopened if it was closed.
    """
    existing = await incoming.inspections_of(tx.db, origins)
    count = len(origins.keys() - existing.keys())
    numbers = iter(await next_numbers(tx.db, "inspection_numbers", "IN", count))
    added = dict.fromkeys(origins, ZERO)
    for own in pegs:
        if own.receipt_line_id is not None:
            added[own.receipt_line_id] += own.uninspected
    saved = {}
    for line, fresh in origins.items():
        if was := existing.get(line):
            saved[line] = replace(was, version=was.version + 1, to_inspect=was.to_inspect + added[line])
            _log(tx, "extended", was, saved[line], "a late tie")
        else:
            saved[line] = replace(fresh, number=next(numbers), to_inspect=added[line])
            log_opened(tx, saved[line])
    await incoming.save_inspections(tx.db, list(saved.values()), tx.now)
    return saved


def log_opened(tx: Tx, inspection: Inspection) -> None:
    """Keep in the record log that there is something to inspect."""
    tx.record("inspection", inspection.id, "opened", None, _figures(inspection))


def _figures(inspection: Inspection) -> dict[str, Any]:
    return {"to_inspect": inspection.to_inspect, "passed": inspection.passed, "failed": inspection.failed}


def _log(tx: Tx, action: str, before: Inspection, after: Inspection, reason: str | None) -> None:
    tx.record("inspection", after.id, action, _figures(before), _figures(after), reason=reason)


def _completed(
    inspection: Inspection, version: int, judged: Sequence[facts.Allotment], actor: str, reason: str | None
) -> facts.InspectionCompleted:
    """A round; one that judged more allotments than a fact can carry is told in several, each a version of its own."""
    return facts.InspectionCompleted(
        inspection_id=inspection.id,
        version=version,
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
