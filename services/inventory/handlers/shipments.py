"""Goods that left, or did not: shipping's figures become issues, discrepancies and units back on their line (SHIP-3)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Line
from services.inventory.domain.issue import Movement, Repeg, movement, repeg
from services.inventory.domain.stock import Entry, LedgerKind, Move, total
from services.inventory.handlers import inspections, telling
from services.inventory.handlers.allotment import allot
from services.inventory.handlers.pegs import Pegged
from services.inventory.handlers.replenishment import replenish
from services.inventory.store import allotments as claims
from services.inventory.store import demand as demands
from services.inventory.store import departures, incoming
from services.inventory.store import stock as stock_rows
from shared.contracts.shipping import AllotmentFigures, ShipmentShipped, ShipmentVoided
from shared.decimals import ZERO
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

Cause = Told[Any]


@dataclass(frozen=True, slots=True)
class Issue:
    """One shipment's share of an allotment: booked once, whatever is told again or out of order."""

    allotment_id: UUID
    shipment_id: UUID
    number: str
    qty: Decimal

    @property
    def source_key(self) -> str:
        """Its natural key."""
        return f"{self.shipment_id}:{self.allotment_id}"


async def shipment_shipped(tx: Tx, told: Sequence[Told[ShipmentShipped]]) -> None:
    """The goods left with actual quantities: always booked, even if the books hold less (design, section 2)."""
    issues = {
        (t.fact.shipment.shipment_id, share.allotment_id): Issue(
            share.allotment_id, t.fact.shipment.shipment_id, t.fact.shipment.number, share.shipped
        )
        for t in told for line in t.fact.shipment.lines for share in line.shares if share.shipped > 0
    }  # fmt: skip
    await _settle(tx, told, list(issues.values()), "ship")


async def shipment_voided(tx: Tx, told: Sequence[Told[ShipmentVoided]]) -> None:
    """The shipment will not leave: its units go back to their lines (SHIP-4, BO-7)."""
    await _settle(tx, told, [], "void")


async def _settle(tx: Tx, told: Sequence[Cause], issues: Sequence[Issue], reason: str) -> None:
    figures, causes = _greatest(told), _causes(told)
    stock = await stock_rows.lock_stock_of_allotments(tx.db, causes)
    found = await departures.read_claims(tx.db, causes, {i.source_key: i.allotment_id for i in issues})
    before = found.allotments
    new = [i for i in issues if i.allotment_id in before and i.source_key not in found.booked]
    left = _sums((issue.allotment_id, issue.qty) for issue in new)
    moves = [_movement(own, left.get(own.id, ZERO), figures.get(own.id)) for own in before.values()]
    moves = [move for move in moves if move.allotment != before[move.allotment.id] or move.left]
    if not moves:
        return
    of_line = {move.allotment.line: causes[move.allotment.id] for move in moves}
    changes = _changes(moves)
    after = await departures.settle(
        tx.db,
        [*_issued(new, before, causes), *_discrepancies(moves, causes)],
        [move.allotment for move in moves],
        total((m.allotment.key, _stock_move(m)) for m in moves),
        changes,
        tx.now,
    )
    for line, change in changes.items():
        action = "shipped" if change[1] else "returned"
        telling.log_figures(tx, after[line], change, action, because=of_line[line])

    pegs = await _peg_again(tx, moves, before, after, reason)
    await inspections.settle_inspections(tx, _less_to_inspect(before, moves))
    freed = {m.allotment.key for m in moves if m.back or m.lost or m.allotment.locked}
    grants = await allot(tx, freed, reason, told[0])
    current = {**pegs.demands, **{grant.demand.line: grant.demand for grant in grants}}
    born = telling.by_line([*pegs.allotments, *(grant.allotment for grant in grants)])
    telling.tell_by_cause(tx, reason, current, born, of_line, told[0])
    came_back = {m.allotment.key for m in moves if m.back or m.lost}
    await replenish(tx, {key: stock[key] for key in came_back}, told[0])


def _causes(told: Sequence[Cause]) -> dict[UUID, Cause]:
    """The fact that speaks of each allotment (the last of several)."""
    shares = (
        (share.allotment_id, t) for t in told for line in t.fact.shipment.lines for share in line.shares
    )
    return {**dict(shares), **{figures.allotment_id: t for t in told for figures in t.fact.allotments}}


def _less_to_inspect(before: Mapping[UUID, Allotment], moves: Iterable[Movement]) -> set[UUID]:
    """Receipt lines with units that left their peg before anybody had looked at them."""
    return {
        own.receipt_line_id
        for own in (move.allotment for move in moves)
        if own.receipt_line_id and own.uninspected != before[own.id].uninspected
    }


def _greatest(told: Sequence[Cause]) -> dict[UUID, AllotmentFigures]:
    """Absolute figures that only grow: of several facts about an allotment, the greatest of each."""
    held: dict[UUID, AllotmentFigures] = {}
    for figures in (figures for t in told for figures in t.fact.allotments):
        was = held.setdefault(figures.allotment_id, figures)
        if was is figures:
            continue
        greatest = {
            name: max(getattr(was, name), getattr(figures, name))
            for name in ("shipped", "returned", "missing", "unproven")
        }
        held[figures.allotment_id] = figures.model_copy(update=greatest)
    return held


def _issued(
    issues: Iterable[Issue], claim: Mapping[UUID, Allotment], causes: Mapping[UUID, Cause]
) -> Iterator[Entry]:
    for issue in issues:
        key, actor = claim[issue.allotment_id].key, causes[issue.allotment_id].actor
        yield Entry(key, -issue.qty, LedgerKind.ISSUE, issue.source_key, issue.number, actor)


def _movement(own: Allotment, left: Decimal, figures: AllotmentFigures | None) -> Movement:
    if figures is None:
        return movement(own, left, ZERO, ZERO)
    return movement(own, left, figures.returned, figures.missing, figures.unproven)


def _discrepancies(moves: Iterable[Movement], causes: Mapping[UUID, Cause]) -> Iterator[Entry]:
    """What was not found, and what left although the books did not hold it."""
    for move in moves:
        own, cause = move.allotment, causes[move.allotment.id]
        number = cause.fact.shipment.number
        if move.lost:
            key, why = f"{own.id}:{own.missing}", "not found when it was picked"
            yield Entry(own.key, -move.lost, LedgerKind.MISSING, key, number, cause.actor, why)
        if move.unbooked:
            key, why = f"{own.id}:{own.shipped}:{number}", "left without being on the books"
            yield Entry(own.key, move.unbooked, LedgerKind.DISCREPANCY, key, number, cause.actor, why)


def _stock_move(move: Movement) -> Move:
    if move.allotment.is_peg:
        return Move(on_hand=move.on_hand, pegged=-move.released)
    return Move(on_hand=move.on_hand, allotted=-move.released)


def _changes(moves: Iterable[Movement]) -> dict[Line, tuple[Decimal, Decimal]]:
    """What the movements mean for (granted, shipped) of their lines."""
    changes: dict[Line, tuple[Decimal, Decimal]] = {}
    for move in moves:
        granted, shipped = changes.get(move.allotment.line, (ZERO, ZERO))
        changes[move.allotment.line] = granted - move.back - move.lost, shipped + move.left - move.unbooked
    return changes


async def _peg_again(
    tx: Tx,
    moves: Sequence[Movement],
    before: Mapping[UUID, Allotment],
    after: Mapping[Line, Demand],
    reason: str,
) -> Pegged:
    """Returned units of pegs stay their customer's as far as the line still needs them (SO-10); the rest is free."""
    returned = [move for move in moves if move.allotment.is_peg and move.back]
    if not returned:
        return Pegged((), {})
    generations = await claims.last_generations(tx.db, [(_source(m), m.allotment.line) for m in returned])
    lacking = {line: demand.lacking for line, demand in after.items()}
    born, freed = [], []
    for move in returned:
        split = repeg(before[move.allotment.id], move, lacking[move.allotment.line])
        lacking[move.allotment.line] -= split.good + split.unproven
        freed.append((_source(move), -split.free))
        born += _born_again(move.allotment, split, generations)
    await claims.add_pegs(tx.db, born)
    await stock_rows.move_stock(tx.db, total((peg.key, Move(pegged=peg.qty)) for peg in born))
    await incoming.peg_receipt_lines(tx.db, _sums(freed))
    current = await demands.change_demands(
        tx.db, {line: (_qty(own), ZERO) for line, own in telling.by_line(born).items()}
    )
    for line, own in telling.by_line(born).items():
        telling.log_granted(tx, current[line], own, reason)
    return Pegged(born, current)


def _source(move: Movement) -> UUID:
    source = move.allotment.receipt_line_id
    assert source is not None  # noqa: S101  # only pegs are asked
    return source


def _born_again(peg: Allotment, split: Repeg, generations: dict[tuple[UUID, Line], int]) -> list[Allotment]:
    """The inspected part without a gate, the rest as the peg was."""
    born = []
    for qty, passed, gated in ((split.good, split.good, False), (split.unproven, ZERO, peg.gated)):
        if qty > 0 and peg.receipt_line_id is not None:
            key = peg.receipt_line_id, peg.line
            generations[key] = generations.get(key, peg.generation) + 1
            fresh = Allotment(new_id(), peg.order_id, peg.line_id, peg.component, peg.sku, peg.warehouse, qty)
            born.append(
                replace(
                    fresh, receipt_line_id=peg.receipt_line_id, tie_id=peg.tie_id, generation=generations[key],
                    gated=gated, passed=passed,
                )
            )  # fmt: skip
    return born


def _sums(quantities: Iterable[tuple[UUID, Decimal]]) -> dict[UUID, Decimal]:
    sums: dict[UUID, Decimal] = {}
    for id_, qty in quantities:
        sums[id_] = sums.get(id_, ZERO) + qty
    return sums


def _qty(allotments: Iterable[Allotment]) -> Decimal:
    return sum((allotment.qty for allotment in allotments), ZERO)
