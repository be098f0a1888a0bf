"""Taking back is one question with one asker (design, section 1): shipping says whether the units can still move."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment, ask_back
from services.inventory.domain.demand import Demand, Line
from services.inventory.domain.stock import Move, total
from services.inventory.handlers import inspections, telling
from services.inventory.handlers.allotment import allot
from services.inventory.store import allotments as claims
from services.inventory.store import demand as demands
from services.inventory.store import incoming
from services.inventory.store import stock as stock_rows
from shared.contracts import inventory as facts
from shared.contracts.shipping import ShipmentUnpicked, UnitsWithdrawn, WithdrawalAnswer
from shared.decimals import ZERO
from shared.ids import new_id
from shared.unit_of_work import Told, Tx


async def ask_for_excess(
    tx: Tx,
    wanted: Iterable[Demand],
    held: Mapping[Line, Sequence[Allotment]],
    reason: str,
    causes: Mapping[UUID, Told[Any]],
    in_full: Collection[Line] = (),
) -> set[Line]:
    """Ask back what these lines hold beyond their need, a question per order; the lines that were asked come back.

    Of the lines `in_full` everything that has not left is asked back. An order with more than 200 allotments to ask
    for gets several questions.
    """
    asked: dict[UUID, list[facts.WithdrawalAsk]] = {}
    lines = set()
    for demand in sorted(wanted, key=lambda d: (d.order_id, d.line_no, d.component)):
        own = {allotment.id: allotment for allotment in held.get(demand.line, ())}
        live = sum((allotment.live for allotment in own.values()), ZERO)
        excess = live if demand.line in in_full else demand.excess
        for id_, units in ask_back(excess, own.values()).items():
            asked.setdefault(demand.order_id, []).append(_ask(own[id_], units))
            lines.add(demand.line)
    questions = {
        claims.Question(new_id(), order, {ask.allotment_id: ask.wanted for ask in part}): part
        for order, asks in asked.items()
        for part in telling.in_parts(asks)
    }
    if questions:
        await claims.ask(tx.db, list(questions), reason, tx.now)
    for question, part in questions.items():
        fact = facts.WithdrawalAsked(question_id=question.id, reason=reason, asks=list(part))
        tx.announce(fact, causes.get(question.order_id))
    return lines


def _ask(allotment: Allotment, units: Decimal) -> facts.WithdrawalAsk:
    """So many further units: the figure that is asked for is absolute, so asking twice is one ask."""
    return facts.WithdrawalAsk(
        allotment_id=allotment.id,
        order_id=allotment.order_id,
        line_id=allotment.line_id,
        component=allotment.component,
        sku=allotment.sku,
        warehouse=allotment.warehouse,
        wanted=allotment.withdrawn + allotment.asked + units,
    )


async def units_withdrawn(tx: Tx, told: Sequence[Told[UnitsWithdrawn]]) -> None:
    """Shipping answered: what it gave back is free for the queue, what it refused stays granted; the line is settled.

    Freed stock goes to the queue, not to the asker (BO-10). Of a peg only what has not shipped is ever freed, and it
    becomes free stock.
    """
    answers = {(t.fact.question_id, a.allotment_id): (a, t) for t in told for a in t.fact.answers}
    await stock_rows.lock_stock_of_allotments(tx.db, {id_ for _, id_ in answers})
    before = await claims.allotments_by_id(tx.db, {id_ for _, id_ in answers})
    known = [
        (question, a.allotment_id, a.given)
        for (question, _), (a, _) in answers.items()
        if a.allotment_id in before
    ]
    if not known:
        return
    open_until_now = await claims.answer(tx.db, known, tx.now)
    await claims.withdraw(tx.db, _withdrawn(before, [a for a, _ in answers.values()]))
    after = await claims.allotments_by_id(tx.db, before)
    freed = {id_: after[id_].withdrawn - before[id_].withdrawn for id_ in before}
    await _free(tx, before, freed)
    given = _by_line(before, freed)
    settled = await demands.settle_demands(tx.db, given)
    causes = {(a.line_id, a.component): t for a, t in answers.values()}
    # an answer that comes again under another id is no news: what was refused stands in the log already
    news = [a for (question, _), (a, _) in answers.items() if question in open_until_now]
    _log(tx, news, settled, given, causes)
    gone = (a for a in after.values() if a.uninspected != before[a.id].uninspected)
    await inspections.settle_inspections(tx, {a.receipt_line_id for a in gone if a.receipt_line_id})
    grants = await allot(tx, {before[id_].key for id_, qty in freed.items() if qty}, "withdrawal", told[0])
    current = {**settled, **{grant.demand.line: grant.demand for grant in grants}}
    changed = {a.id: a for a in (*after.values(), *(grant.allotment for grant in grants))}
    # the answer to an order names all that its lines have
    live = (a for own in (await claims.live_allotments(tx.db, settled)).values() for a in own if a.live > 0)
    told_of = {**{a.id: a for a in live}, **changed}
    telling.tell_by_cause(
        tx, "withdrawal", current, telling.by_line(told_of.values()), causes, told[0], settled
    )


def _withdrawn(before: Mapping[UUID, Allotment], answers: Iterable[WithdrawalAnswer]) -> dict[UUID, Decimal]:
    """The new figures: absolute, only growing, never beyond what the allotment still has."""
    figures = {id_: allotment.withdrawn for id_, allotment in before.items()}
    for answer in answers:
        if own := before.get(answer.allotment_id):
            most = own.withdrawn + own.live
            figures[own.id] = max(figures[own.id], min(answer.given, most))
    return figures


async def _free(tx: Tx, claim: Mapping[UUID, Allotment], freed: Mapping[UUID, Decimal]) -> None:
    moves = (
        (own.key, Move(pegged=-freed[own.id]) if own.is_peg else Move(allotted=-freed[own.id]))
        for own in claim.values()
    )
    await stock_rows.move_stock(tx.db, total(moves))
    pegs: dict[UUID, Decimal] = {}
    for own in claim.values():
        if own.receipt_line_id:
            pegs[own.receipt_line_id] = pegs.get(own.receipt_line_id, ZERO) - freed[own.id]
    await incoming.peg_receipt_lines(tx.db, pegs)


def _by_line(claim: Mapping[UUID, Allotment], freed: Mapping[UUID, Decimal]) -> dict[Line, Decimal]:
    sums: dict[Line, Decimal] = {}
    for own in claim.values():
        sums[own.line] = sums.get(own.line, ZERO) + freed[own.id]
    return sums


def _log(
    tx: Tx,
    answers: Iterable[WithdrawalAnswer],
    settled: Mapping[Line, Demand],
    given: Mapping[Line, Decimal],
    causes: Mapping[Line, Told[Any]],
) -> None:
    """What came back, and what the pick lock kept (BO-10: with the quantity still missing)."""
    for line, units in given.items():
        if units:
            telling.log_figures(tx, settled[line], (-units, ZERO), "given back", because=causes[line])
    for answer in answers:
        if answer.refused > 0 and (line := (answer.line_id, answer.component)) in settled:
            kept = {"allotment": answer.allotment_id, "missing": answer.refused}
            reason = answer.refused_because
            tx.record(
                "demand", answer.line_id, "blocked by pick lock", None, kept, part=str(answer.component), reason=reason,
                because=causes[line],
            )  # fmt: skip


async def shipment_unpicked(tx: Tx, told: Sequence[Told[ShipmentUnpicked]]) -> None:
    """Units that were locked by picking can move again: ask once more for what their lines hold beyond their need."""
    named = {(line.line_id, line.component): t for t in told for line in t.fact.shipment.lines}
    seen = await demands.demands_of_lines(tx.db, named)
    await stock_rows.lock_stock(tx.db, {demand.key for demand in seen.values()})
    current = await demands.demands_of_lines(tx.db, seen)
    over = [demand for demand in current.values() if demand.excess > 0]
    if not over:
        return
    held = await claims.live_allotments(tx.db, {demand.line for demand in over})
    causes = {demand.order_id: named[demand.line] for demand in over}
    await ask_for_excess(tx, over, held, "unpicked", causes)
